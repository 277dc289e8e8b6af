import type { PolicyMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';

/** Handlers of the methods that ask the hub's policies. */
export const policies: Handlers<PolicyMethods> = {
  evalPolicy: ({ name, data }, call) => call.hub.policies.eval(call, name, data),
  'host.evalPolicy': ({ name, data }, call) => call.hub.policies.eval(call, name, data),

  async 'host.checkPolicy'({ name, data, default: fallback, strict }, call) {
    if (strict) await call.hub.policies.assert(call, name, data, { default: fallback });
    const { allowed, reason } = await call.hub.policies.check(call, name, data, { default: fallback });
    return [allowed, reason];
  },

  async 'host.assertPolicy'({ name, data, default: fallback }, call) {
    await call.hub.policies.assert(call, name, data, { default: fallback });
    return null;
  },
};
