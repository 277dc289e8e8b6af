import { page } from '../page.js';
import { link } from '../routes.js';

/** The hub's methods. */
export const api = page('api', {
  async load({ calls, params }) {
    const [methods, version] = await Promise.all([calls._listapi(), calls.getKojiVersion()]);
    const all = methods
      .map(({ name, doc, argdesc }) => ({ name, doc, argdesc }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      version,
      methods: params.method === '' ? all : all.filter(({ name }) => name === params.method),
    };
  },
  title: () => 'API',
  show: ({ version, methods }, { params }) => (
    <>
      <h1>API</h1>
      <p>
        The hub speaks XML-RPC at <code>/kojihub</code>, version {version}. From a shell:{' '}
        <code>koji call getTag f44</code>.
      </p>
      {params.method === '' ? null : (
        <p>
          <a href={link('api')}>All methods</a>
        </p>
      )}
      <dl class="facts methods">
        {methods.map(({ name, doc, argdesc }) => (
          <div>
            <dt>
              {params.method === '' ? (
                <a href={link('api', { method: name })}>
                  <code>{name}</code>
                </a>
              ) : (
                <code>{name}</code>
              )}
            </dt>
            <dd>
              <code>{argdesc}</code>
              {params.method === '' ? null : <p class="doc">{doc}</p>}
            </dd>
          </div>
        ))}
      </dl>
    </>
  ),
});
