// npm run build: compiles and bundles what changed.
import { build } from './setup.mjs';

await build();
