#!/usr/bin/env python3
"""Runs each fuzz target on the files of its corpus, those that once broke
something among them, and on what other tests have of its kind.  Where
libFuzzer is linked in, it only replays them."""

import glob
import os
import subprocess
import sys

TOP = os.environ['TAMIS_TOP'] + '/tests/fuzz'
BUILD = os.environ['TAMIS_BUILD'] + '/tests/fuzz'
SIZE_MAX = 400 * 1000		# octets of all corpora
OTHERS = {
    'fuzz_rules': ['check/*.yaml', '../examples/*.yaml'],
    'fuzz_mail': ['mail/*.eml', '../examples/mail/*/*.eml'],
    'fuzz_yaml': ['check/*.yaml'],
}

failed = False


def point(good, what, why=''):
    global failed
    failed |= not good
    print('%sok - %s' % ('' if good else 'not ', what))
    for line in why.splitlines() if not good else ():
        print('# ' + line)


size = 0
for source in sorted(glob.glob(TOP + '/fuzz_*.c')):
    name = os.path.basename(source)[:-2]
    files = sorted(glob.glob('%s/corpus/%s/*' % (TOP, name[5:])))
    size += sum(os.path.getsize(p) for p in files)
    files += [p for pattern in OTHERS.get(name, ())
              for p in sorted(glob.glob(TOP + '/../' + pattern))]
    try:
        r = subprocess.run([BUILD + '/' + name, '-runs=0'] + files,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           errors='replace', timeout=100)
        out, status = r.stdout, r.returncode
    except OSError as e:
        out, status = str(e), -1
    point(status == 0 and files, '%s bears its %d files' % (name, len(files)),
          out[-3000:])
point(0 < size <= SIZE_MAX, 'the corpus is small: %d octets' % size)

r = subprocess.run([BUILD + '/dictionary'], capture_output=True, text=True)
words = r.stdout.splitlines()
point('"subject: "' in words and '"$Important"' in words and
      all(w[0] == w[-1] == '"' for w in words), 'the dictionary has words',
      r.stdout)
sys.exit(failed)
