/** Short forms of words in names of images, as Fedora's composes have them. */
const shortForms: Readonly<Record<string, string>> = {
  Beta: 'B',
  Rawhide: 'rawh',
  Astronomy_KDE: 'AstK',
  Atomic: 'AH',
  Cinnamon: 'Cinn',
  Cloud: 'C',
  Design_suite: 'Dsgn',
  Electronic_Lab: 'Elec',
  Everything: 'E',
  Games: 'Game',
  Images: 'img',
  Jam_KDE: 'Jam',
  MATE_Compiz: 'MATE',
  'Python-Classroom': 'Clss',
  Python_Classroom: 'Clss',
  Robotics: 'Robo',
  Scientific_KDE: 'SciK',
  Security: 'Sec',
  Server: 'S',
  Workstation: 'WS',
  WorkstationOstree: 'WS',
};

/** Characters that a volume ID may have. */
export const longestVolumeId = 32;

/** Returns the volume ID of an image: its name, version and release with known words shortened, and cut. */
export function shortenVolumeId(name: string, version: string, release: string): string {
  const longestFirst = Object.entries(shortForms).sort(([a], [b]) => b.length - a.length);
  const shorten = (text: string): string =>
    longestFirst.reduce((shorter, [word, short]) => shorter.replaceAll(word, short), text);
  return [name, version, release].map(shorten).join('-').slice(0, longestVolumeId);
}
