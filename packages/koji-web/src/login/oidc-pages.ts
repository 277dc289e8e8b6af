/** The pages between which a login with the provider happens. */
import type { FormContext } from './forms.js';
import { sendFlow, takeFlow } from './oidc-flow.js';
import type { FlowScope } from './oidc-flow.js';
import type { Oidc } from './oidc.js';
import { refused, showLogin } from './pages.js';
import { ownAddress } from './paths.js';

/** Answers a request for one of the pages. */
export async function answerOidc(context: FormContext, oidc: Oidc, name: string): Promise<Response> {
  return name === 'oidclogin' ? start(context, oidc) : end(context, oidc);
}

/** Leads to the provider, and from there to a page of this site. */
async function start(context: FormContext, oidc: Oidc): Promise<Response> {
  const { c, guest } = context;
  const page = ownAddress(c.req.query('page') ?? null);
  if (guest.login) return c.redirect(page, 303);
  try {
    const { address, flow } = await oidc.start(page);
    await sendFlow(c, flow, scopeOf(context, oidc));
    return c.redirect(address.href, 303);
  } catch (error) {
    return refused(context, error, { input: new URLSearchParams(), page });
  }
}

/** Logs in the user that the provider sends back. */
async function end(context: FormContext, oidc: Oidc): Promise<Response> {
  const { c, guests, guest } = context;
  const flow = await takeFlow(c, scopeOf(context, oidc));
  const page = ownAddress(flow?.page ?? null);
  const shown = { input: new URLSearchParams(), page };
  if (flow === null || c.req.query('state') !== flow.state) {
    const problem = 'This login was started too long ago, or in another browser. Start it again.';
    return showLogin(context, { ...shown, problem, status: 403 });
  }
  try {
    const admission = await oidc.finish(flow, new URL(c.req.url).search);
    await guests.logIn(c, guest, admission);
    return c.redirect(page, 303);
  } catch (error) {
    return refused(context, error, shown);
  }
}

function scopeOf({ guests }: FormContext, { settings }: Oidc): FlowScope {
  return { clientSecret: settings.clientSecret, path: guests.path };
}
