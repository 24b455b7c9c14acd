"""Drives single steps of replacements, see tests/gmail/steps.c.

    with steps.Steps(t, 'g') as p:
        p.add(mailbox='INBOX', ...)
        p.copy(0, steps.replaced(raw, nonce))
        p.step('capture'); p.step('remember'); p.step('upload')
        p[0]['outcome'], p[0]['labels']
"""

import email.utils
import hashlib
import os
import re
import subprocess

PROGRAM = os.environ.get('TAMIS_BUILD', '') + '/tests/gmail/steps'
FIELD = 'X-Tamis-Replaced'
ALL_STEPS = ('capture', 'remember', 'upload', 'look', 'prove', 'dress',
             'retire')
LISTS = {'flag': 'flags', 'label': 'labels', 'twin': 'twins'}


def nonce(n):
    return hashlib.sha256(b'nonce %d' % n).hexdigest()[:32]


def replaced(raw, nonce, later=1, body=None, new_id=None):
    """The message as it would be uploaded."""
    header, _, rest = raw.partition(b'\r\n\r\n')
    header = re.sub(rb'(?i)\r\nx-tamis-replaced:[^\r]*(\r\n[ \t][^\r]*)*',
                    b'', header)

    def later_date(m):
        at = email.utils.parsedate_to_datetime(m.group(2).decode())
        at = at.timestamp() + later
        return m.group(1) + email.utils.formatdate(at).encode()
    if later:
        header = re.sub(rb'(?im)^(date: )([^\r]*)', later_date, header)
    if new_id:
        header = re.sub(rb'(?im)^message-id: ([^\r]*)',
                        lambda m: b'Message-ID: <' + new_id.encode() +
                        b'>\r\nReferences: ' + m.group(1), header)
    return b'%s\r\n%s: %s sha256=%s\r\n\r\n%s' % (
        header, FIELD.encode(), nonce.encode(),
        hashlib.sha256(raw).hexdigest().encode(),
        b'Changed.\r\n' + rest if body is None else body)


class Steps:
    def __init__(self, t, account):
        self.t = t
        self.rows = []
        self.ok, self.error, self.turns = True, '', 0
        self.p = subprocess.Popen(
            [PROGRAM, t.config_dir + '/config.yaml', account],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=t.env,
            cwd=t.folder)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.stdin.close()
        status = self.p.wait(60)
        self.p.stdout.close()
        if not exc[0] and status:
            raise AssertionError('steps ended with %d' % status)

    def __getitem__(self, i):
        return self.rows[i]

    def __len__(self):
        return len(self.rows)

    def say(self, *words):
        self.p.stdin.write('\t'.join(map(str, words)).encode() + b'\n')
        self.p.stdin.flush()
        said = []
        for line in self.p.stdout:
            if line == b'end\n':
                return said
            said.append(line.decode('utf-8').rstrip('\n').split('\t', 2))
        raise AssertionError('steps has died: %s' % self.p.wait())

    def add(self, mailbox='INBOX', uidvalidity=0, uid=0, nonce=None,
            gmail_id=0, message_id='-'):
        self.say('add', mailbox, uidvalidity, uid, nonce, gmail_id,
                 message_id)
        self.rows.append({})
        return len(self.rows) - 1

    def copy(self, i, raw):
        path = '%s/copy.%d' % (self.t.folder, i)
        with open(path, 'wb') as f:
            f.write(raw)
        self.say('copy', i, path)

    def set(self, i, name, n):
        self.say('set', i, name, int(n))

    def forget(self):
        """As after a crash: another process knows what the journal has."""
        self.say('close')
        for i in range(len(self.rows)):
            self.set(i, 'content_seen', 0)
            self.set(i, 'sent', 0)

    def step(self, name):
        for row in self.rows:
            for what in LISTS.values():
                row[what] = []
        for i, what, value in self.say('step', name):
            if what in ('ok', 'error', 'turns', 'octets_in'):
                setattr(self, what, value if what == 'error'
                        else int(value))
            elif what in LISTS:
                self.rows[int(i)][LISTS[what]].append(value)
            else:
                self.rows[int(i)][what] = value
        return self.rows[0] if self.rows else None

    def go(self, *names):
        """The steps, as long as each is done."""
        for name in names or ALL_STEPS:
            self.step(name)
            bad = [r for r in self.rows if r['outcome'] != 'done']
            if bad or not self.ok:
                raise AssertionError('%s: %s %s' % (name, self.error, bad))
        return self.rows[0]
