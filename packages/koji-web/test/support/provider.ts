import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A client of a provider: a web page. */
export interface ProviderClient {
  readonly client_id: string;
  readonly client_secret: string;
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post';
}

/** An OpenID Connect provider in a process of its own. */
export interface TestProvider {
  readonly issuer: string;
  /** Has it serve these clients; until then it answers nobody. */
  serve(clients: readonly ProviderClient[]): Promise<void>;
  /** Says which groups a person is in from now on. */
  group(user: string, groups: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a provider at which everybody is known, by any password. */
export async function startProvider(): Promise<TestProvider> {
  // It warns of what only a real site would need, which is of no use here.
  const child = fork(fileURLToPath(new URL('./provider-process.mjs', import.meta.url)), {
    silent: true,
    execArgv: [],
  });
  const [{ issuer }] = (await once(child, 'message')) as [{ issuer: string }];
  const tell = async (message: object): Promise<void> => {
    const done = once(child, 'message');
    child.send(message);
    await done;
  };
  return {
    issuer,
    serve: (clients) => tell({ clients }),
    group: (user, groups) => tell({ user, is: groups }),
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** A browser at the provider: it follows the provider's redirects and fills in the provider's forms. */
export class Person {
  private readonly jar = new Map<string, string>();

  constructor(
    private readonly issuer: string,
    private readonly name: string,
  ) {}

  /** Goes to an address of the provider, logs in and agrees. Returns the address that the provider leads back to. */
  async logIn(address: string): Promise<string> {
    let at = await this.follow(address);
    for (let steps = 0; at.form !== null && steps < 5; steps++)
      at = await this.follow(at.form.action, {
        prompt: at.form.prompt,
        login: this.name,
        password: 'any',
      });
    return at.address;
  }

  /** As {@link logIn}, but takes the way out of the form. */
  async refuse(address: string): Promise<string> {
    const at = await this.follow(address);
    return (await this.follow(at.form?.abort ?? '')).address;
  }

  private async follow(address: string, form?: Readonly<Record<string, string>>): Promise<At> {
    let [to, body] = [address, form && new URLSearchParams(form)];
    for (;;) {
      if (!to.startsWith(this.issuer)) return { address: to, form: null };
      const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(to, {
        method: body ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { Cookie: cookie },
        ...(body ? { body } : {}),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === '') this.jar.delete(name);
        else this.jar.set(name, value);
      }
      const text = await answer.text();
      const location = answer.headers.get('Location');
      if (location === null) return { address: to, form: formIn(text, to) };
      [to, body] = [new URL(location, to).href, undefined];
    }
  }
}

/** Where a browser is, and the form that it sees. */
interface At {
  readonly address: string;
  readonly form: { readonly action: string; readonly prompt: string; readonly abort: string } | null;
}

function formIn(html: string, address: string): At['form'] {
  const [, action] = /<form[^>]*action="([^"]+)"/.exec(html) ?? [];
  const [, prompt = ''] = /name="prompt" value="(\w+)"/.exec(html) ?? [];
  const [, abort = ''] = /href="([^"]*\/abort)"/.exec(html) ?? [];
  if (action === undefined) return null;
  return { action: new URL(action, address).href, prompt, abort: new URL(abort, address).href };
}
