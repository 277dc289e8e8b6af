export { plain, repr, typeName } from '@koji/core';
