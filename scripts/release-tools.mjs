// Installs the tools of tools/release when their lock file changed: what the tests of publishing need beside the workspace.
import { installReleaseTools } from './setup.mjs';

await installReleaseTools();
