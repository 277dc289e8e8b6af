import type { FC } from 'hono/jsx';
import { Section } from '../parts/table.js';
import { Blocks } from './blocks.js';
import type { Shown } from './run.js';

const longestProblem = 300;

/** Says which plugin could not show something, and why. */
const Problem: FC<{ shown: Shown }> = ({ shown: { plugin, problem } }) => (
  <div class="fault">
    Plugin <bdi>{plugin}</bdi> could not show this: <bdi>{(problem ?? '').slice(0, longestProblem)}</bdi>
  </div>
);

/** A page of a plugin. */
export const PluginPage: FC<{ shown: Shown }> = ({ shown }) => (
  <>
    <h1>
      <bdi>{shown.title}</bdi>
    </h1>
    {shown.problem === null ? <Blocks blocks={shown.blocks ?? []} /> : <Problem shown={shown} />}
    <p class="note">
      From the plugin <bdi>{shown.plugin}</bdi>.
    </p>
  </>
);

/** The panels of plugins below a page. */
export const PluginPanels: FC<{ panels: readonly Shown[] }> = ({ panels }) => (
  <>
    {panels.map((shown) => (
      <Section title={shown.title} note={<bdi>{shown.plugin}</bdi>}>
        {shown.problem === null ? <Blocks blocks={shown.blocks ?? []} /> : <Problem shown={shown} />}
      </Section>
    ))}
  </>
);
