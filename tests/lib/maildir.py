"""Reads and writes Maildirs without the program under test.

Maildir++ as Dovecot lays it: INBOX at the top, other mailboxes in folders
whose name begins with a dot and has dots between levels; keywords are the
letters a to z of a file's flags, named in dovecot-keywords.
"""

import collections
import os
import re

LETTERS = {'D': '\\Draft', 'F': '\\Flagged', 'P': '$Forwarded',
           'R': '\\Answered', 'S': '\\Seen', 'T': '\\Deleted'}

Mail = collections.namedtuple('Mail', 'message_id flags path')


def make(path):
    for name in ('', 'cur', 'new', 'tmp'):
        os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)


def deliver(path, messages, start=1):
    """Puts the messages (bytes) into new/, in the order of their names."""
    make(path)
    for n, message in enumerate(messages, start):
        with open('%s/new/%d.M%dP1.test' % (path, 1780000000 + n, n),
                  'wb') as f:
            f.write(message)


def keywords(folder):
    names = {}
    try:
        with open(folder + '/dovecot-keywords', encoding='utf-8') as f:
            for line in f:
                number, _, name = line.rstrip('\n').partition(' ')
                names[chr(ord('a') + int(number))] = name
    except FileNotFoundError:
        pass
    return names


def message_id(data):
    header = re.split(rb'\r?\n\r?\n', data, maxsplit=1)[0]
    found = re.search(rb'^message-id:\s*<?([^>\s]*)', header, re.I | re.M)
    return found.group(1).decode(errors='replace') if found else ''


def dump_folder(folder):
    names, mails = keywords(folder), []
    for part in ('cur', 'new'):
        for name in sorted(os.listdir(os.path.join(folder, part))):
            if name.startswith('.'):
                continue
            path = os.path.join(folder, part, name)
            letters = name.partition(':2,')[2]
            flags = frozenset(
                LETTERS.get(c) or names.get(c, 'unnamed-' + c)
                for c in letters)
            with open(path, 'rb') as f:
                mails.append(Mail(message_id(f.read()), flags, path))
    return mails


def dump(path):
    """{mailbox: [Mail]} of all that hold any, levels by "/"."""
    boxes = {}
    for name in sorted(os.listdir(path)):
        folder = os.path.join(path, name)
        if name.startswith('.') and os.path.isdir(folder + '/cur'):
            boxes[name[1:].replace('.', '/')] = dump_folder(folder)
    boxes['INBOX'] = dump_folder(path)
    return {k: v for k, v in boxes.items() if v}


def leftovers(path):
    """Files in the tmp folders."""
    return [os.path.join(top, name) for top, _, files in os.walk(path)
            if os.path.basename(top) == 'tmp' for name in files]
