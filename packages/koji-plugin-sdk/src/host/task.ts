import { RefuseTask } from '../task.js';
import type { BaseTaskHandler, TaskRuntime } from '../task.js';
import type { PluginTask } from './collect.js';
import { fit } from './signature.js';

/**
 * Makes the handler of a task, lets it refuse the builder, reports its weight and runs it with the arguments of the
 * task's request.
 *
 * @throws ParameterError (1019) when the arguments don't fit the handler's
 * @throws RefuseTask when the handler refuses this builder
 */
export async function runTask(
  task: PluginTask,
  runtime: TaskRuntime,
  { args, keywords }: { args: readonly unknown[]; keywords: Readonly<Record<string, unknown>> },
): Promise<unknown> {
  const handler: BaseTaskHandler = new task.Handler(runtime);
  const call = { name: runtime.method, plugin: task.plugin };
  const own = await fit(call, task.signature, args, keywords);
  if (handler.checkHost) await checkHost(handler, own);
  await runtime.setWeight(handler.weight(), true);
  const result: unknown = await (handler as { handler(...own: unknown[]): unknown }).handler(...own);
  return result === undefined ? null : result;
}

async function checkHost(handler: BaseTaskHandler, args: readonly unknown[]): Promise<void> {
  const host = await handler.session.host.getHost();
  if ((await handler.checkHost?.({ ...host }, args)) === false) throw new RefuseTask('failed host check');
}
