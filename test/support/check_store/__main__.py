"""Says everything in a store that is not as docs/store-layout.md has it. It knows nothing else of multipass-ts.

    python3 -IS check_store ROOT...       a line for each violation; exit code 2 when there is one
    python3 -IS check_store --serve       a JSON line on stdin, {"root": "...", "atRest": true}, is answered by one
                                          on stdout: a list of {"kind", "path", "text"}

Nothing is changed. At rest, nobody works on the store, and one more command has cleared away what killed ones left.
"""

import json
import sys

from store import Store


def serve():
    for line in sys.stdin:
        asked = json.loads(line)
        findings = Store(asked['root'], asked['atRest']).check()
        sys.stdout.write(json.dumps(findings) + '\n')
        sys.stdout.flush()


def main(words):
    if not words or (words[0].startswith('-') and words != ['--serve']):
        sys.exit(__doc__)
    if words == ['--serve']:
        serve()
        return
    found = [(root, one) for root in words for one in Store(root, at_rest=True).check()]
    for root, one in found:
        print(f'{root}/{one["path"]}: {one["kind"]}: {one["text"]}')
    sys.exit(2 if found else 0)


main(sys.argv[1:])
