import { createRequire } from 'node:module';
import type * as TypeOrm from 'typeorm';

// An import would have Node.js read every file of TypeORM for the names that it exports: a tenth of a hub's start.
const { DataSource, EntitySchema, EntitySchemaOptions } = createRequire(import.meta.url)(
  'typeorm',
) as typeof TypeOrm;

export { DataSource, EntitySchema, EntitySchemaOptions };
