import { ParameterError } from '../src/faults.js';
import { parseTaskParams } from '../src/tasks.js';

describe('the parameters of a task', () => {
  it('are named by position, with defaults', () => {
    expect(parseTaskParams('build', ['git://x', 'f44'])).toEqual({
      src: 'git://x',
      target: 'f44',
      opts: null,
    });
  });

  it('are named by a last struct of named arguments', () => {
    expect(parseTaskParams('sleep', [{ n: 5, __starstar: true }])).toEqual({ n: 5 });
    expect(
      parseTaskParams('runroot', ['tag', 'x86_64', 'ls', { weight: 2, __starstar: true }]),
    ).toMatchObject({
      root: 'tag',
      keep: false,
      weight: 2,
    });
  });

  it('are taken as they are from a single struct that names the method', () => {
    expect(parseTaskParams('anything', [{ __method__: 'anything', a: 1 }])).toEqual({ a: 1 });
  });

  it('fit the first signature that takes them', () => {
    expect(parseTaskParams('newRepo', ['tag'])).toMatchObject({ src: false, event: null });
    expect(parseTaskParams('newRepo', ['tag', null, null, null, null, { x: 1 }])).toMatchObject({
      opts: { x: 1 },
    });
  });

  it('are collected by tasks that take any', () => {
    expect(parseTaskParams('default', [1, 2, { k: 3, __starstar: true }])).toEqual({
      args: [1, 2],
      opts: { k: 3 },
    });
    expect(parseTaskParams('someMethod', [])).toEqual({ args: [] });
  });

  it('are refused when too many, too few, doubled or unknown', () => {
    const problem = (method: string, params: unknown[]): string => {
      try {
        parseTaskParams(method, params);
      } catch (error) {
        expect(error).toBeInstanceOf(ParameterError);
        return (error as Error).message;
      }
      return 'none';
    };
    expect(problem('sleep', [1, 2])).toBe('Invalid signature for sleep: too many args');
    expect(problem('sleep', [])).toBe("Invalid signature for sleep: missing required argument 'n' (#0)");
    expect(problem('sleep', [1, { n: 1, __starstar: true }])).toBe(
      "Invalid signature for sleep: duplicate keyword argument 'n'",
    );
    expect(problem('sleep', [1, { m: 1, __starstar: true }])).toBe(
      "Invalid signature for sleep: unexpected keyword argument 'm'",
    );
  });

  it('of a method that Koji does not know have no names', () => {
    expect(parseTaskParams('mytask', [1])).toBeNull();
  });
});
