#!/usr/bin/env python3
"""Does tamis open S/MIME as a table says?

usage: test_smime.py [--folder FOLDER] [--table TABLE] [--ca FILE] [WORD...]

FOLDER holds messages and keys, TABLE (FOLDER/crypto-expected.tsv) a row for
each object in them:

  path, item     the file, and in it the entity: "." or ".1.2"
  mechanism      "smime-enveloped ...", "smime-opaque-signed",
                 "smime-detached-signed"; others are left out
  result         ok; no-secret-key; unreadable
  key_file       keys and certificates, with " + " between them
  passphrase     of these
  signature      for signed ones the state that is wanted, if the table is
                 ours; else it is only shown
  plaintext_sha256, plaintext_bytes  of what is inside
  marker         a line of the innermost text

What has been encrypted without a header is no MIME entity: that is refused,
whatever the table says.  Without a FOLDER one is made by the command openssl.
The last lines count what came out.
"""

import argparse
import collections
import email
import email.utils
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

OPEN = os.path.join(os.environ.get('TAMIS_BUILD', '.'),
                    'tests/corpus/open_smime')
COLUMNS = ['path', 'item', 'mechanism', 'result', 'key_file', 'passphrase',
           'signature', 'plaintext_sha256', 'plaintext_bytes', 'marker']


def read_table(path):
    with open(path, encoding='utf-8', newline='\n') as f:
        lines = f.read().split('\n')
    names = lines[0].split('\t')
    return [dict(zip(names, line.split('\t'))) for line in lines[1:] if line]


# ----------------------------------------------------------------- opening

def first_part(data, boundary):
    """As it is written, without the line end before the next boundary."""
    return re.split(rb'(?:^|\r?\n)--' + re.escape(boundary.encode()) +
                    rb'(?:--)?[ \t]*(?:\r?\n|$)', data)[1]


class Opener:
    """Opens the objects of one folder."""

    def __init__(self, folder, ca):
        self.folder, self.ca = folder, ca
        self.own = tempfile.mkdtemp()
        self.any_key = None     # (files, passphrase), where a row has none

    def ask(self, *args, data):
        r = subprocess.run([OPEN, *args], input=data,
                           stdout=subprocess.PIPE)
        if r.returncode:
            raise RuntimeError('open_smime: exit status %d' % r.returncode)
        said, _, inside = r.stdout.partition(b'\n')
        return said.decode('utf-8'), inside

    def private(self, path):
        """A copy that nobody else can read, as keys must be."""
        copy = os.path.join(self.own, os.path.basename(path))
        shutil.copy(os.path.join(self.folder, path), copy)
        os.chmod(copy, 0o600)
        return copy

    def open(self, row):
        """(what is said, what is inside)."""
        with open(os.path.join(self.folder, row['path']), 'rb') as f:
            data = f.read()
        top = part = email.message_from_bytes(data)
        for number in re.findall(r'\d+', row['item']):
            part = part.get_payload()[int(number) - 1]
        author = email.utils.parseaddr(str(part['From'] or top['From']))[1]
        if 'enveloped' in row['mechanism']:
            files = row['key_file'].split(' + '), row['passphrase']
            files, passphrase = files if files[0][0] else self.any_key
            return self.ask('decrypt', passphrase,
                            *map(self.private, files),
                            data=part.get_payload(decode=True))
        if 'opaque' in row['mechanism']:
            return self.ask('verify', author, self.ca,
                            data=part.get_payload(decode=True))
        content = self.own + '/content'
        with open(content, 'wb') as f:
            f.write(first_part(data, part.get_boundary()))
        return self.ask('verify', author, self.ca, content, data=part
                        .get_payload()[-1].get_payload(decode=True) or b'')


# ----------------------------------------------------------------- judging

def has_no_header(row):
    return int(row['plaintext_bytes'] or 0) and \
        int(row['plaintext_bytes']) <= len(row['marker']) + 2


def wrong(row, said, inside, strict):
    """Why the answer is not as the row says; None: it is."""
    same = hashlib.sha256(inside).hexdigest() == row['plaintext_sha256']
    if strict and row['signature'] and \
            said.split(' ')[0] != row['signature']:
        return 'the signature should be ' + row['signature']
    if 'detached' in row['mechanism']:
        return None
    if row['result'] == 'no-secret-key':
        return None if "none of the account's" in said else \
            'nobody has the key'
    if row['result'] == 'unreadable':
        return None if not inside else 'this should not be readable'
    if 'enveloped' in row['mechanism'] and has_no_header(row):
        return None if 'no MIME entity is inside' in said else \
            'what is inside is no MIME entity'
    return None if same else 'something else should be inside'


def judge(rows, folder, ca, strict):
    opener = Opener(folder, ca)
    counts = collections.Counter()
    failed = 0
    for row in rows:
        if row['key_file']:
            opener.any_key = row['key_file'].split(' + '), row['passphrase']
            break
    for row in rows:
        said, inside = opener.open(row)
        why = wrong(row, said, inside, strict)
        failed += why is not None
        counts[row['mechanism'].split(' ')[0], row['result'] or '-',
               said.split(':' if said.startswith('refused') else ' ')[0]] += 1
        print('%s - %s %s\n# %s' % ('not ok' if why else 'ok', row['path'],
                                    row['item'], said))
        if why:
            print('# ' + why)
    shutil.rmtree(opener.own)
    for what, n in sorted(counts.items()):
        print('# %4d %-22s %-14s %s' % (n, *what))
    return failed


# ------------------------------------------------------------------ making

class Maker:
    """A folder with a CA, keys, mail and their table, by openssl."""

    ENTITY = 'Content-Type: text/plain\r\n\r\nThe cat is in the bag.\r\n'

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.rows = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *args):
        subprocess.run(['openssl', *args], cwd=self.folder, check=True,
                       stderr=subprocess.PIPE)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8', newline='') as f:
            f.write(text)

    def key(self, name, algorithm):
        self.openssl('genpkey', '-out', name + '.key', *algorithm)

    def authority(self, name):
        self.key(name, ['-algorithm', 'EC', '-pkeyopt',
                        'ec_paramgen_curve:P-256'])
        self.openssl('req', '-x509', '-new', '-key', name + '.key', '-subj',
                     '/CN=' + name, '-days', '30', '-out', name + '.crt')

    def person(self, name, algorithm, authority='ca'):
        self.key(name, algorithm)
        self.write('extensions', 'subjectAltName=email:%s@example.org\n'
                   'extendedKeyUsage=emailProtection\n' % name)
        self.openssl('req', '-new', '-key', name + '.key', '-subj', '/CN=x',
                     '-out', 'request')
        self.openssl('x509', '-req', '-in', 'request', '-CA',
                     authority + '.crt', '-CAkey', authority + '.key',
                     '-CAcreateserial', '-extfile', 'extensions', '-days',
                     '20', '-out', name + '.crt')

    def add(self, path, mechanism, inside=None, result='ok', **more):
        text = (inside or '').encode()
        row = dict.fromkeys(COLUMNS, '')
        row.update(path=path, item='.', mechanism=mechanism, result=result,
                   plaintext_sha256=hashlib.sha256(text).hexdigest(),
                   plaintext_bytes=str(len(text)), **more)
        self.rows.append(row)

    def encrypted(self, path, to, *how, inside=ENTITY, **more):
        self.write('plain', inside)
        self.openssl('cms', '-encrypt', '-binary', '-in', 'plain', '-out',
                     path, *how, to + '.crt')
        self.add(path, 'smime-enveloped', inside, **more)

    def signed(self, path, by, *how, kind='opaque', author=None, change=None,
               **more):
        self.write('plain', self.ENTITY)
        self.openssl('cms', '-sign', '-binary', '-crlfeol', '-in', 'plain',
                     '-signer', by + '.crt', '-inkey', by + '.key', '-from',
                     '%s@example.org' % (author or by), '-out', path, *how)
        if change:
            with open(self.path(path), 'rb') as f:
                text = f.read().replace(*change)
            with open(self.path(path), 'wb') as f:
                f.write(text)
        self.add(path, 'smime-%s-signed' % kind,
                 self.ENTITY if kind == 'opaque' else None, **more)

    def make(self):
        rsa = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
        ec = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']
        self.authority('ca')
        self.authority('stranger')
        self.person('alice', rsa)
        self.person('bob', ec)
        self.person('eve', ec, 'stranger')
        self.openssl('pkcs12', '-export', '-legacy', '-inkey', 'alice.key',
                     '-in', 'alice.crt', '-passout', 'pass:secret', '-out',
                     'alice.p12')
        alice = {'key_file': 'alice.p12', 'passphrase': 'secret'}
        bob = {'key_file': 'bob.key + bob.crt'}
        for cipher in ('aes-128-cbc', 'aes-256-cbc', 'des3', 'aes-256-gcm'):
            self.encrypted('alice-%s.eml' % cipher, 'alice', '-' + cipher,
                           **alice)
            self.encrypted('bob-%s.eml' % cipher, 'bob', '-' + cipher, **bob)
        self.encrypted('stream.eml', 'alice', '-aes128', '-stream', **alice)
        self.encrypted('oaep.eml', 'alice', '-aes128', '-recip', 'alice.crt',
                       '-keyopt', 'rsa_padding_mode:oaep', **alice)
        self.encrypted('no-header.eml', 'alice', '-aes128', inside='text\n',
                       marker='text', **alice)
        self.encrypted('eve.eml', 'eve', '-aes128', result='no-secret-key')
        self.signed('opaque.eml', 'alice', '-nodetach', signature='good')
        self.signed('stranger.eml', 'eve', '-nodetach',
                    signature='unknown-ca')
        self.signed('mismatch.eml', 'bob', '-nodetach', author='alice',
                    signature='mismatch')
        self.signed('sha1.eml', 'alice', '-nodetach', '-md', 'sha1',
                    signature='weak')
        self.signed('pss.eml', 'alice', '-nodetach', '-keyopt',
                    'rsa_padding_mode:pss', signature='good')
        self.signed('detached.eml', 'bob', kind='detached',
                    signature='good')
        self.signed('changed.eml', 'bob', kind='detached',
                    change=(b'the bag', b'the bog'), signature='changed')
        return self


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__.split('usage: ')[1].split('\n\n')[0],
        description=__doc__.split('\n\n', 2)[2],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder')
    parser.add_argument('--table')
    parser.add_argument('--ca', default='-')
    parser.add_argument('words', nargs='*')
    args = parser.parse_args()
    if not args.folder:
        made = Maker().make()
        failed = judge(made.rows, made.folder, made.path('ca.crt'), True)
        shutil.rmtree(made.folder)
        return 1 if failed else 0
    rows = [row for row in read_table(
        args.table or args.folder + '/crypto-expected.tsv')
        if row['mechanism'].startswith('smime-') and
        (not args.words or any(w in row['path'] for w in args.words))]
    return 1 if judge(rows, args.folder, args.ca, False) else 0


sys.exit(main())
