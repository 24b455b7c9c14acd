#!/usr/bin/env python3
"""The numbers of tamis, as ratios of one run on one machine.

usage: bench.py [--messages N] [--runs N] [imap] [cron] [files] [memory]

Everything is made here: mail from a seed, a private Dovecot, two floors
written in C (floor_imap sends the very commands that tamis sent; floor_files
opens each file and reads its header).  A peer, fdm, judges the same Maildir
where it is installed.  A figure is the median of its runs; wall times of
tamis and of the floor are taken in turn.  Not a test: it judges nothing, it
prints.
"""

import argparse
import contextlib
import os
import pwd
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import faultproxy	# noqa: E402
import servers		# noqa: E402
import tamis		# noqa: E402

MEASURE = None	# the program that runs the others
HERE = os.path.dirname(os.path.abspath(__file__))

RULES = r'''
version: 1
rules:
  - {name: r1, when: {header: {X-Ticket: {exists: true}}}, then: [{move: Tickets}]}
  - {name: r2, when: {from: shop12}, then: [{mark: starred}]}
  - {name: r3, when: {list_id: {is: alpha.lists.example.org}}, then: [{move: Alpha}]}
  - {name: r4, when: {list_id: {is: beta.lists.example.org}}, then: [{label: beta}]}
  - {name: r5, when: {subject: invoice}, then: [{label: money}]}
  - {name: r6, when: {subject: {regex: '^re: .*release [0-9]+'}}, then: [{label: release}]}
  - {name: r7, when: {to: team@example.org}, then: [{label: team}]}
  - {name: r8, when: {from: person7@example.net}, then: [{mark: starred}]}
  - {name: r9, when: {size: {over: 60K}}, then: [{label: big}]}
  - {name: r10, when: {subject: "newsletter 3"}, then: [{move: News}, {mark: read}]}
'''

# Where a size decides, a file with bare LF near the bound is read whole, to
# count it as IMAP would: nine header rules and that are measured by
# themselves.
HEADERS = RULES.replace('size: {over: 60K}', 'cc: team@example.org')

# The same for fdm, which changes nothing: each match says `keep`.
FDM = r'''
set default-user "%(user)s"
set no-received
set lock-file "%(work)s/fdm.lock"
set unmatched-mail keep
account "box" maildir "%(box)s" keep
action "fire" keep
match "^X-Ticket:" in headers action "fire" continue
match "^From:.*shop12" in headers action "fire" continue
match "^List-Id:.*<alpha[.]lists[.]example[.]org>" in headers action "fire" continue
match "^List-Id:.*<beta[.]lists[.]example[.]org>" in headers action "fire" continue
match "^Subject:.*invoice" in headers action "fire" continue
match "^Subject: *re: .*release [0-9]+" in headers action "fire" continue
match "^To:.*team@example[.]org" in headers action "fire" continue
match "^From:.*person7@example[.]net" in headers action "fire" continue
match size > 61440 action "fire" continue
match "^Subject:.*newsletter 3" in headers action "fire"
'''


def mail(i):
    """Message i; depends on i alone."""
    r = random.Random(i)
    lines = ['Received: from relay%d.example.net (relay%d.example.net '
             '[127.0.0.%d])\r\n\tby mx.example.org with ESMTPS id %x;\r\n\t'
             'Thu, 15 Jan 2026 10:%02d:%02d +0000' % (
                 k, k, r.randrange(1, 255), r.getrandbits(60),
                 r.randrange(60), r.randrange(60))
             for k in range(r.randrange(2, 6))]
    lines.append('DKIM-Signature: v=1; a=rsa-sha256; d=example.net; '
                 's=a;\r\n\tbh=%x;\r\n\tb=%x' % (
                     r.getrandbits(250), r.getrandbits(1000)))
    subject = r.choice(['invoice %d', 'Re: release %d', 'newsletter %d',
                        'hello %d', '=?UTF-8?Q?Gr=C3=BC=C3=9Fe_%d?='])
    lines += ['From: Person %d <%s>' % (i % 50, r.choice(
                  ['person%d@example.net' % r.randrange(40),
                   'news@shop%d.example' % r.randrange(40)])),
              'To: ' + r.choice(['me@example.org', 'team@example.org']),
              'Subject: ' + subject % r.randrange(100),
              'Message-ID: <bench.%d@example.org>' % i,
              'Date: Thu, 15 Jan 2026 10:00:00 +0000']
    if r.random() < .3:
        lines.append('List-Id: <%s.lists.example.org>' % r.choice(
            ['alpha', 'beta', 'gamma', 'delta']))
    if r.random() < .05:
        lines.append('X-Ticket: %d' % i)
    size = int(r.lognormvariate(8.5, 1))
    body = ('The quick brown fox jumps over the lazy dog %d.\r\n' % i *
            (size // 50 + 1))
    return ('\r\n'.join(lines) + '\r\n\r\n' + body).encode()


def row(name, *cells):
    print('%-46s %s' % (name, '  '.join(cells)), flush=True)


def timed(argv, env=None):
    """(wall seconds, CPU seconds, peak MiB, output, exit code)."""
    p = subprocess.run([MEASURE] + argv, env=env, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    wall, cpu, peak = p.stderr.decode().splitlines()[-1].split()
    return (float(wall), float(cpu), int(peak) / 1024,
            p.stdout + p.stderr, p.returncode)


def compiled(name, folder):
    out = folder + '/' + name
    subprocess.run([os.environ.get('CC', 'cc'), '-O2', '-o', out,
                    '%s/%s.c' % (HERE, name)], check=True)
    return out


def median(rows, k):
    return statistics.median(r[k] for r in rows)


def fill_maildir(path, n):
    for sub in ('cur', 'new', 'tmp'):
        os.makedirs('%s/%s' % (path, sub), exist_ok=True)
    for i in range(n):
        m = mail(i)
        with open('%s/cur/%d.M%dP1.bench,S=%d:2,' % (
                path, 1768471200 + i, i, len(m)), 'wb') as f:
            f.write(m)


# -------------------------------------------------------------------- IMAP

def account(t, port, auth='PLAIN'):
    t.write('password', 'secret\n')
    return {'imap': 'imap://127.0.0.1:%d' % port, 'user': 'alice',
            'auth': {'password_file': t.config_dir + '/password',
                     'mechanism': auth},
            'tls': {'insecure_plaintext': True},
            'archive': 'Archive', 'trash': 'Trash', 'spam': 'Junk'}


def script_of(wire):
    """What the client said, as floor_imap wants it: a block a turn."""
    blocks, last = [], None
    for who, data in wire:
        if who == 'C' and last != 'C':
            blocks.append([])
        if who == 'C':
            blocks[-1].append(data.decode('latin-1').rstrip('\r\n'))
        last = who
    out = ['LOGIN alice secret', '']
    for block in blocks:
        lines = [line.partition(' ')[2] for line in block]
        lines = [x for x in lines if x.partition(' ')[0] not in
                 ('AUTHENTICATE', 'LOGIN', 'LOGOUT', '')]
        if lines:
            out += lines + ['']
    return '\n'.join(out) + '\nLOGOUT\n'


@contextlib.contextmanager
def fresh(args):
    with servers.Dovecot(format='maildir') as s:
        fill_server(args, s)
        yield s


def fill_server(args, s):
    home = s.folder + '/home/alice/Maildir'
    fill_maildir(home, args.messages)
    servers.own_tree(s.folder + '/home', s.uid, s.gid)
    s.create('alice', 'Tickets', 'Alpha', 'News')
    s.status('alice', 'INBOX')


def bench_imap(args, work):
    floor = compiled('floor_imap', work)
    with fresh(args) as s:
        s.save()
        t = tamis.Tamis()
        t.rules(RULES)
        with faultproxy.Proxy(s, keep=True) as p:
            t.config({'accounts': {'a': account(t, p.port)}})
            r = t.run('run', '--all', timeout=600)
            assert r.status == 0, r
            turns, script = p.turns, script_of(p.wire)
            row('IMAP first run, %d messages: turns' % args.messages,
                str(turns), '%d commands' % len(p.commands),
                '%d octets out' % p.to_server, '%d in' % p.to_client,
                'longest line %d' % p.longest)
        script_file = work + '/script'
        with open(script_file, 'w') as f:
            f.write(script)
        ours, theirs = [], []
        for _ in range(args.runs):
            s.restore()
            t = tamis.Tamis()
            t.rules(RULES)
            t.config({'accounts': {'a': account(t, s.port)}})
            ours.append(timed(t.argv(['run', '--all']), t.env))
            assert ours[-1][4] == 0, ours[-1][3]
            s.restore()
            theirs.append(timed([floor, str(s.port), script_file]))
            assert theirs[-1][4] == 0, theirs[-1][3]
        row('IMAP first run: wall', '%.2f s' % median(ours, 0),
            'floor %.2f s' % median(theirs, 0),
            'ratio %.2f' % (median(ours, 0) / median(theirs, 0)),
            'client CPU %.2f s' % median(ours, 1),
            'peak %.1f MiB' % median(ours, 2))


def bench_cron(args, work):
    with fresh(args) as s:
        t = tamis.Tamis()
        t.rules(RULES)
        with faultproxy.Proxy(s) as p:
            t.config({'accounts': {'a': account(t, p.port)}})
            assert t.run('run').status == 0
            for what, new in (('nothing new', 0), ('20 new', 20)):
                s.append('alice', 'INBOX', [
                    mail(10**6 + i) for i in range(new)])
                turns, n = p.turns, p.to_client + p.to_server
                start = time.monotonic()
                r = t.run('run')
                assert r.status == 0, r
                row('cron, %s of %d: turns' % (what, args.messages),
                    str(p.turns - turns),
                    '%d octets' % (p.to_client + p.to_server - n),
                    'wall %.3f s' % (time.monotonic() - start))


# ------------------------------------------------------------------- files

def bench_files(args, work):
    floor = compiled('floor_files', work)
    box = work + '/Maildir'
    fill_maildir(box, args.messages)
    for what, rules in (('10 header rules', HEADERS),
                        ('one of them a size', RULES)):
        ours = bench_box(args, floor, box, what, rules)
    bench_fdm(args, work, box, ours)
    shutil.rmtree(box)


def bench_box(args, floor, box, what, rules):
    t = tamis.Tamis()
    argv = t.argv(['-r', t.rules(rules), '-q', 'run', '--dry-run', box])
    ours, theirs = [], []
    for _ in range(args.runs):
        theirs.append(timed([floor, box + '/cur']))
        ours.append(timed(argv, t.env))
        assert ours[-1][4] == 1, ours[-1][3]
    row('Maildir, %d messages, %s: CPU' % (args.messages, what),
        '%.3f s' % median(ours, 1), 'floor %.3f s' % median(theirs, 1),
        'ratio %.2f' % (median(ours, 1) / median(theirs, 1)),
        'peak %.1f MiB' % median(ours, 2))
    return median(ours, 1)


def bench_fdm(args, work, box, ours):
    name = 'Maildir, the same with fdm: CPU'
    if not shutil.which('fdm'):
        row(name, 'fdm is not there (Debian: fdm)')
        return
    config = work + '/fdm.conf'
    with open(config, 'w') as f:
        f.write(FDM % {'user': pwd.getpwuid(os.getuid()).pw_name,
                       'work': work, 'box': box})
    os.chmod(config, 0o600)
    os.chmod(work, 0o711)	# root's fdm reads as a user of its own
    got = timed(['fdm', '-f', config, 'fetch'],
                dict(os.environ, HOME=work))
    assert b' %d messages' % args.messages in got[3], got[3]
    row(name, '%.3f s' % got[1], 'ours %.3f s' % ours,
        '%.0f times' % (got[1] / ours), 'peak %.1f MiB' % got[2])


def bench_memory(args, work):
    t = tamis.Tamis()
    rules = t.rules(RULES)
    box = work + '/many'
    n = args.messages * 10
    fill_maildir(box, n)
    got = timed(t.argv(['-r', rules, '-q', 'run', '--dry-run', box]), t.env)
    row('Maildir, %d messages: peak' % n, '%.1f MiB' % got[2],
        'CPU %.2f s' % got[1])
    t.config({'accounts': {'a': {'maildir': box}}})
    got = timed(t.argv(['-q', 'run', '--all']), t.env)
    assert got[4] == 0, got[3]
    row('Maildir, %d messages, most are changed: peak' % n,
        '%.1f MiB' % got[2], 'CPU %.2f s' % got[1])
    shutil.rmtree(box)
    big = work + '/big.eml'
    with open(big, 'wb') as f:
        f.write(mail(1).partition(b'\r\n\r\n')[0] + b'\r\n\r\n')
        for _ in range(100):
            f.write(b'0123456789abcdef' * 64 * 1024)
    for what, text in (('header rules', RULES), ('a body rule', '''
version: 1
rules: [{name: b, when: {body: nothing of the kind}, then: [trash]}]
''')):
        rules = t.rules(text)
        got = timed(t.argv(['-r', rules, '-q', 'run', '--dry-run', big]),
                    t.env)
        row('one message of 100 MiB, %s: peak' % what,
            '%.1f MiB' % got[2], 'CPU %.2f s' % got[1])


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--messages', type=int, default=10000)
    p.add_argument('--runs', type=int, default=5)
    p.add_argument('what', nargs='*')
    args = p.parse_args()
    parts = {'imap': bench_imap, 'cron': bench_cron,
             'files': bench_files, 'memory': bench_memory}
    global MEASURE
    tools = tempfile.mkdtemp(prefix='tamis-bench.')
    MEASURE = compiled('measure', tools)
    for name in args.what or parts:
        work = tempfile.mkdtemp(prefix='tamis-bench.')
        try:
            parts[name](args, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(tools)


if __name__ == '__main__':
    main()
