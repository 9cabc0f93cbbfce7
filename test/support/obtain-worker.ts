import { StoreLayout } from '../../src/store/layout.js';
import { obtainImage } from '../../src/vm/images/obtain-image.js';
import { Work } from '../../src/work.js';

const [root = '', query = '', mirror = ''] = process.argv.slice(2);
await obtainImage({ layout: new StoreLayout(root), query, mirror, work: Work.of() }).then(
  ({ id }) => process.send?.(id),
  (error: unknown) => process.send?.(String(error)),
);
process.disconnect();
