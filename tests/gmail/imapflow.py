#!/usr/bin/env python3
"""By hand: the server against imapflow, a client in JavaScript.

usage: npm install imapflow; NODE_PATH=$PWD/node_modules \\
       python3 tests/gmail/imapflow.py

No test of make check, as npm is asked of nobody.
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE + '/../lib']

import gmail	# noqa: E402
from mailmaker import message	# noqa: E402

PROGRAM = r'''
const { ImapFlow } = require('imapflow');
const fs = require('fs');
async function main() {
  const at = JSON.parse(process.argv[1]);
  const c = new ImapFlow({
    host: 'localhost', port: at.port, secure: true, logger: false,
    auth: at.token ? { user: 'alice', accessToken: at.token }
      : { user: 'alice', pass: 'secret' },
    tls: { ca: fs.readFileSync(at.ca) } });
  await c.connect();
  const out = {};
  out.special = (await c.list()).filter(b => b.specialUse)
    .map(b => b.specialUse).sort();
  const lock = await c.getMailboxLock('INBOX');
  const got = [];
  for await (const m of c.fetch('1:*', { uid: true, flags: true,
      envelope: true, bodyStructure: true, labels: true, threadId: true,
      source: true, internalDate: true }))
    got.push({ uid: m.uid, id: m.emailId, subject: m.envelope.subject,
      type: m.bodyStructure.type, labels: [...(m.labels || [])].sort(),
      flags: [...m.flags].sort(), size: m.source.length,
      date: m.internalDate });
  out.fetched = got;
  out.appended = (await c.append('INBOX', at.message, ['\\Seen'],
    new Date(1e12))).uid;
  out.search = await c.search(at.gmail ? { gmraw: 'rfc822msgid:' + at.mid }
    : { header: { 'Message-ID': at.mid } }, { uid: true });
  out.flagged = await c.messageFlagsAdd('1', ['\\Flagged'], { uid: true });
  if (at.gmail)
    out.labelled = await c.messageFlagsAdd('1', ['new label'],
      { uid: true, useLabels: true });
  out.moved = [...(await c.messageMove('2', at.trash, { uid: true }))
    .uidMap.keys()];
  out.status = (await c.status(at.trash, { messages: true })).messages;
  lock.release();
  await c.logout();
  console.log(JSON.stringify(out));
}
main().catch(e => { console.error(e); process.exit(1); });
'''


def run(profile, **more):
    with gmail.Server(profile) as s:
        s.control.load([{'raw': message(n), 'labels': ['\\Inbox', 'a b']}
                        for n in range(2)])
        at = dict(more, port=s.tls_port, ca=s.ca_file,
                  gmail=profile == 'gmail', message=message(7).decode(),
                  mid='7@example.org',
                  trash='[Gmail]/Trash' if profile == 'gmail' else 'Trash')
        r = subprocess.run(['node', '-e', PROGRAM, json.dumps(at)],
                           capture_output=True, text=True, timeout=60)
        if r.returncode:
            sys.exit('%s: %s\n%s' % (profile, r.stderr, '\n'.join(
                '%(command)s -> %(answer)s' % e for e in s.control.log())))
        out = json.loads(r.stdout)
        assert [m['subject'] for m in out['fetched']] == [
            'message 0', 'message 1'], out
        assert out['fetched'][0]['size'] == len(message(0)), out
        assert (out['moved'], out['status']) == ([2], 1), out
        assert out['flagged'], out
        if profile != 'exchange':
            assert '\\Trash' in out['special'], out
        if profile == 'gmail':
            assert out['fetched'][0]['labels'] == ['a b'], out
            assert out['appended'] == 3 and out['search'] == [3], out
            ids = list(s.control.dump()['messages'])
            assert out['fetched'][0]['id'] == str(ids[0]), out
            assert 'new label' in s.control.dump()['messages'][
                ids[0]]['labels'], out
    print('ok - imapflow and %s %s' % (profile, more))


for name in ('gmail', 'dovecot', 'cyrus', 'exchange', 'yahoo'):
    run(name)
run('gmail', token='good-alice')
