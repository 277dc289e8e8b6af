import { readPolicies } from '../src/domain/policy/policy.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const options = { MissingPolicyOk: true, VerbosePolicy: false, KojiDebug: false };
const texts = (rules: Record<string, string>): Map<string, string> => new Map(Object.entries(rules));

describe('policies', () => {
  it('are refused with everything that is wrong in them', () => {
    const rules = texts({ tag: 'nosuch :: allow', package_list: 'all allow' });
    expect(() => readPolicies({ texts: rules, options })).toThrow(/all allow[^]*nosuch/);
  });
});

describe.each(databases)('policies on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let bob: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    bob = await asking(hub, 'bob');
    await admin('createTag', ['dest']);
    await admin('createEmptyBuild', ['bash', '5', '1', null, 'bob']);
  });
  afterAll(() => hub.stop());

  it('have the rules of Koji where hub.conf has none', async () => {
    expect(await bob('evalPolicy', ['package_list', {}])).toBe(
      'deny Only admin/tag can do this via default policy',
    );
    expect(await admin('evalPolicy', ['package_list', {}])).toBe('allow');
    expect(await admin('evalPolicy', ['channel', { method: 'build', req_channel: 'image' }])).toBe('req');
    expect(await admin('evalPolicy', ['volume', {}])).toBe('DEFAULT');
    expect(await bob('evalPolicy', ['draft_promotion', { build: 'bash-5-1' }])).toBe('allow');
    await expect(faultOf(bob('evalPolicy', ['nosuch', {}]))).resolves.toEqual([
      1000,
      'no such policy: nosuch',
    ]);
  });

  it('judge the user that the data names', async () => {
    const { id } = await admin<{ id: number }>('getUser', ['bob']);
    expect(await admin('evalPolicy', ['package_list', { user_id: id }])).toMatch(/^deny/);
  });

  it('let an admin who forces it pass', async () => {
    await expect(faultOf(bob('packageListAdd', ['dest', 'zsh', 'bob'], { force: true }))).resolves.toEqual([
      1004,
      'policy violation (package_list): Only admin/tag can do this via default policy',
    ]);
    await expect(admin('packageListAdd', ['dest', 'zsh', 'bob'], { force: true })).resolves.toBeNull();
  });
});
