import { MultipassError } from '../../src/errors.js';
import { fetchSmall } from '../../src/http/request.js';

const [url = ''] = process.argv.slice(2);
const answer = await fetchSmall({ url: new URL(url) }, 1024).then(
  (bytes) => bytes.toString(),
  (error: unknown) =>
    error instanceof MultipassError ? `${error.code}: ${error.message}` : String(error),
);
process.stdout.write(answer);
