#!/usr/bin/env python3
"""Does tamis read mail as a table says?

usage: test_corpus.py [--folder FOLDER] [--table TABLE] [--disputed]
                      [--worst N] [WORD...]

FOLDER holds messages and mboxes, TABLE (FOLDER/expected.tsv) a row for each:

  path, index    the file; 0: it is one message, N: its Nth message as mbox
  sha256         of the message, so that the row is about these bytes
  from_addr, from_name  the first author with a domain, or else the first
  authors        all of them: "name:address|" each
  subject, message_id, id (without brackets)
  date_epoch     seconds since 1970, UTC; empty: not readable
  nodes, leaves  MIME entities; those that are not multiparts
  n_attachments, attachments  type:octets:name, joined by "|"; messages have
                 no octets here
  enclosed       files in a text: "type:octets:name|" each
  text_kind, text_bytes, text_sha256  the first text/plain that is no
                 attachment by its Content-Disposition, or else text/html,
                 as it was written, in UTF-8, with LF and without white
                 space at its end
  body           the texts that rules see, a "|" behind each
  disputed       from name subject message_id date nodes attachments text:
                 good programs do not agree on these: only shown
  notes

In cells \\t \\n \\r \\\\ are escapes; in those that are lists (authors,
attachments, enclosed, body) also \\p for "|" and \\c for ":".  A column
that is missing is not compared.  With WORDs only the rows whose path holds
one of them are looked at, and disputed cells shown.
--disputed shows the disputed cells of all rows, --worst what took the most
time and the most memory.
"""

import argparse
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import describer	# noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))

# What a word of "disputed" is about.
DISPUTES = {
    'from': ['from_addr', 'from_name', 'authors'],
    'name': ['from_name', 'authors'],
    'subject': ['subject'],
    'message_id': ['message_id', 'id'],
    'date': ['date_epoch'],
    'nodes': ['nodes', 'leaves'],
    'attachments': ['n_attachments', 'attachments'],
    'text': ['text_kind', 'text_bytes', 'text_sha256', 'body'],
}
# What one message may cost: a few milliseconds, and as much memory as the
# message and the texts in it, with room for a slow machine and ASan.
MICROS_MAX = 200000
KILOBYTES_MAX = 64 * 1024


def read_table(path):
    with open(path, encoding='utf-8', newline='\n') as f:
        lines = f.read().split('\n')
    names = lines[0].split('\t')
    return [describer.row_of(names, line) for line in lines[1:] if line]


def mbox_messages(data):
    """Each without its From_ line and the blank one that ends it."""
    starts = [m.start() for m in re.finditer(rb'(?m)^From .*\d', data)
              if m.start() == 0 or
              re.search(rb'\n\r?\n$', data[max(0, m.start() - 3):m.start()])]
    for start, end in zip(starts, starts[1:] + [len(data)]):
        yield without_from(data[start:end])


def without_from(piece):
    _, _, message = piece.partition(b'\n')
    if re.search(rb'\n\r?\n\Z', message):
        message = re.sub(rb'\r?\n\Z', b'', message)
    return message


def message_of(row, folder):
    with open(os.path.join(folder, row['path']), 'rb') as f:
        data = f.read()
    whole = hashlib.sha256(data).hexdigest() == row.get('sha256')
    if whole or not data.startswith(b'From '):
        return data
    if row['index'] == '0':
        return without_from(data)
    # a table may be about some of them only: the digest counts
    messages = list(mbox_messages(data))
    for message in messages:
        if hashlib.sha256(message).hexdigest() == row.get('sha256'):
            return message
    return messages[int(row['index']) - 1]


def digest(text):
    return hashlib.sha256(text.encode('utf-8')).hexdigest()


def as_in_table(row, want):
    """A row of describe in the form of a table."""
    text = row.pop('text')
    row['attachments'] = '|'.join(
        re.sub(r'^(message/[^:]*):\d+:', r'\1::', item)
        for item in row['attachments'].split('|')[:-1])
    if row['text_kind'] != 'none':
        text = re.sub('\r\n?', '\n', text).rstrip()
        # rules see no NUL, a table may
        with_nul = text.replace('\ufffd', '\0')
        if digest(with_nul) == want.get('text_sha256'):
            text = with_nul
        row['text_bytes'] = str(len(text.encode('utf-8')))
        row['text_sha256'] = digest(text)
    else:
        row['text_bytes'] = row['text_sha256'] = ''
    return row


def blanks(text):
    return ' '.join(text.split())


def folded_domain(address):
    """A domain as rules compare it: lower case, A-labels."""
    local, at, domain = address.rpartition('@')
    labels = [label if label.isascii() else
              label.encode('idna').decode('ascii')
              for label in domain.split('.')]
    return local + at + '.'.join(labels).lower() if at else address


def same(name, want, got):
    if name == 'from_addr':
        return folded_domain(want) == folded_domain(got)
    if name in ('subject', 'from_name', 'message_id', 'attachments'):
        return blanks(want) == blanks(got)
    return want == got


def differences(want, got):
    """Names of cells that differ, and whether they are disputed."""
    disputed = {c for d in want.get('disputed', '').split(',') if d
                for c in DISPUTES[d]}
    return [(name, name in disputed) for name in want
            if name in got and not same(name, want[name], got[name])]


def compare(rows, folder, words, show):
    describe = describer.Describer()
    failed = agreed = 0
    costs = []
    for row in rows:
        where = '%s %s' % (row['path'], row['index'])
        message = message_of(row, folder)
        if row.get('sha256') and \
                hashlib.sha256(message).hexdigest() != row['sha256']:
            print('not ok - %s: these are not the bytes of the row' % where)
            failed += 1
            continue
        got = as_in_table(describe(message), row)
        costs.append((int(got['micros']), int(got['kilobytes']),
                      len(message), where))
        found = differences(row, got)
        wrong = [name for name, disputed in found if not disputed]
        print('%s - %s' % ('not ok' if wrong else 'ok', where))
        failed += bool(wrong)
        if costs[-1][0] > MICROS_MAX or costs[-1][1] > KILOBYTES_MAX:
            print('not ok - %s: %d us, %d kB' % (where, *costs[-1][:2]))
            failed += 1
        agreed += not found
        for name, disputed in found:
            if not disputed or words or show:
                print('# %s%s\n#   want %r\n#   got  %r' % (
                    name, ' (disputed)' if disputed else '', row[name],
                    got[name]))
    describe.close()
    print('# %d of %d rows agree in every cell' % (agreed, len(rows)))
    return failed, costs


def show_worst(costs, n):
    if n == 0:
        return
    for title, key in (('time', lambda c: c[0]), ('memory', lambda c: c[1])):
        print('# the most %s:' % title)
        for micros, kilobytes, size, where in \
                sorted(costs, key=key, reverse=True)[:n]:
            print('# %8d us %7d kB for %9d octets: %s' % (
                micros, kilobytes, size, where))


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__.split('usage: ')[1].split('\n\n')[0],
        description=__doc__.split('\n\n', 2)[2],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', default=HERE)
    parser.add_argument('--table')
    parser.add_argument('--worst', type=int, default=0)
    parser.add_argument('--disputed', action='store_true')
    parser.add_argument('words', nargs='*')
    args = parser.parse_args()
    rows = [row for row in
            read_table(args.table or args.folder + '/expected.tsv')
            if not args.words or any(w in row['path'] for w in args.words)]
    failed, costs = compare(rows, args.folder, args.words, args.disputed)
    show_worst(costs, args.worst)
    return 1 if failed else 0


sys.exit(main())
