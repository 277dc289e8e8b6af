/** Reads coordinates from untrusted .pom files: in one pass, without resolving references. */
import { readBounded } from './bounded.js';
import { GenericError } from './faults.js';
import type { MavenPath } from './paths.js';
import { XmlReader } from './xml.js';

/** Limit for size and nesting; real files are far smaller. */
const most = { bytes: 16 * 1024 * 1024, depth: 1000 };

/**
 * Returns the coordinates of a .pom file; missing ones come from the parent. Entities that the file declares become question
 * marks.
 *
 * @throws GenericError if one is missing, or the file is not XML
 */
export async function readPom(file: string): Promise<MavenPath> {
  const text = (await readBounded(file, most.bytes)).toString('utf8');
  const values = new PomReader(text, file).coordinates();
  const get = (field: string): string => {
    const value = values.get(field);
    if (value === undefined) throw new GenericError(`could not extract ${field} from POM: ${file}`);
    return value;
  };
  return { group_id: get('groupId'), artifact_id: get('artifactId'), version: get('version') };
}

const fields = new Set(['groupId', 'artifactId', 'version']);

/** Keeps the relevant fields of the project, or else of its parent. */
class PomReader extends XmlReader {
  private content = '';
  private readonly values = new Map<string, string>();

  constructor(text: string, file: string) {
    super(text, { file, kind: 'POM', depth: most.depth });
  }

  coordinates(): Map<string, string> {
    this.read();
    return this.values;
  }

  protected open(): void {
    this.content = '';
  }

  protected close(): void {
    const [field = '', parent] = [this.stack.at(-1), this.stack.at(-2)];
    const counts = this.stack.length <= 3 && fields.has(field);
    if (counts && (parent === 'project' || (parent === 'parent' && !this.values.has(field))))
      this.values.set(field, this.content.trim());
    this.content = '';
  }

  /** Keeps only the text of relevant fields. */
  protected take(text: string): void {
    if (this.stack.length <= 3 && fields.has(this.stack.at(-1) ?? '')) this.content += text;
  }
}
