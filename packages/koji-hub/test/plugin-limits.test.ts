import { callback, exported, ignoreError, option, pluginConfig, policyTest } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';

const never = (): Promise<never> => new Promise(() => undefined);

const slow = {
  wait: exported(never),
  watch: ignoreError(callback('postPackageListChange', never)),
  guard: callback('prePackageListChange', (_event, { tag }) => (tag.name === 'slow' ? never() : undefined)),
  is_slow: policyTest('is_slow')(never),
};
const patient = { nap: exported(() => new Promise((resolve) => setTimeout(resolve, 1200, 'rested'))) };
const config = pluginConfig('leaky', { broker: { token: option.secret(option.text('', 'For the broker')) } });
const leaky = {
  leak: exported(() => {
    throw new Error(`the broker refused ${config.broker.token}`);
  }),
};

describe('a plugin that asks in its package.json for time', () => {
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startTestHub({
      plugins: { slow, patient, leaky },
      manifests: {
        slow: { limits: { callbacks: 0.02, methods: 0.03, policyTests: 0.04 } },
        patient: { limits: { methods: 60 } },
      },
      config: { leaky: '[broker]\ntoken = correct-horse\n' },
      options: { CallbackTimeout: '1' },
      policies: { package_list: 'tag slow quick :: allow\n    is_slow :: allow\n    all :: allow' },
      tags: ['slow', 'quick', 'other'],
    });
  });
  afterAll(() => hub.stop());

  test('has less', async () => {
    await expect(hub.admin.call('wait', [])).rejects.toThrow(
      'wait() of plugin slow did not end within 0.03 s',
    );
    await expect(hub.admin.packageListAdd('slow', 'a', 'kojiadmin')).rejects.toThrow(
      'Error running prePackageListChange callback from slow:\nTimeLimitError: did not end within 0.02 s',
    );
    await expect(hub.admin.packageListAdd('other', 'a', 'kojiadmin')).rejects.toThrow(
      'policy test is_slow of plugin slow did not end within 0.04 s',
    );
    await hub.admin.packageListAdd('quick', 'a', 'kojiadmin');
    expect(hub.log.join('\n')).toContain(
      'Error running postPackageListChange callback from slow: TimeLimitError: did not end within 0.02 s',
    );
  });

  test('has more than the others', async () => {
    expect(await hub.admin.call('nap', [])).toBe('rested');
  });

  test('and another that throws its secret tells it to nobody', async () => {
    await expect(hub.admin.call('leak', [])).rejects.toThrow('the broker refused (secret)');
    expect(hub.log.join('\n')).toContain('the broker refused (secret)');
    expect(hub.log.join('\n')).not.toContain('correct-horse');
  });
});
