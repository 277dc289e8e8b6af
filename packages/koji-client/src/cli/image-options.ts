/** Options shared by several commands that build images. */
import { flag, text, texts } from './options.js';
import type { OptionDef } from './options.js';
import { waitOptions } from './starting.js';

export const noprogressOption = flag('--noprogress', 'Do not display progress of the upload');
export const ksurlOption = text('--ksurl', 'The URL to the SCM containing the kickstart file', {
  metavar: 'SCMURL',
});
export const ksversionOption = text('--ksversion', 'The syntax version used in the kickstart file', {
  metavar: 'VERSION',
});
export const releaseOption = text('--release', 'Forcibly set the release field');
export const volidOption = text('--volid', 'Set the volume id');
export const specfileOption = text(
  '--specfile',
  'SCM URL to spec file fragment to use to generate wrapper RPMs',
  {
    metavar: 'URL',
  },
);
export const skipTagOption = flag('--skip-tag', 'Do not attempt to tag package');
export const canFailOption: OptionDef<string> = {
  ...text('--can-fail', 'List of archs which are not blocking for build (separated by commas.', {
    metavar: 'ARCH1,ARCH2,...',
  }),
  initial: '',
};

/** Returns the option for the repos that an image is built from; `image` is the word for it in the help. */
export function imageRepoOption(image: string): OptionDef<readonly string[]> {
  return texts(
    '--repo',
    `Specify a repo that will override the repo used to install RPMs in the ${image}. May be used multiple times. The build tag repo associated with the target is the default.`,
  );
}

/** Returns the options of a command that starts an image task. */
export function imageTaskOptions(kind: string) {
  return {
    wait: waitOptions(`the ${kind} creation`, `Don't wait on ${kind} creation`),
    noprogress: noprogressOption,
    background: flag('--background', `Run the ${kind} creation task at a lower priority`),
    ksurl: ksurlOption,
  };
}
