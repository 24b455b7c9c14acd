#!/usr/bin/env python3
"""What Python's email package reads in messages, as rows of a table.

usage: judge.py FILE...

A judge that knows nothing of tamis, for a new row of expected.tsv: put the
message into mail/, look at the row that this prints for it, and where a rule
needs something else write that, and into `notes` why.  See test_corpus.py
for the columns.
"""

import email
import email.header
import email.utils
import hashlib
import os
import re
import sys

CHARSETS = {
    'gb2312': 'gb18030', 'gbk': 'gb18030', 'euc-kr': 'cp949',
    'ks_c_5601-1987': 'cp949', 'shift_jis': 'cp932', 'iso-8859-1': 'cp1252',
    'iso-8859-9': 'cp1254', 'tis-620': 'cp874', 'iso-8859-11': 'cp874',
    'windows-874': 'cp874', 'macintosh': 'mac_roman', '': 'us-ascii',
    'maccyrillic': 'mac_cyrillic', 'maccentraleurope': 'mac_latin2',
}
COLUMNS = ('path', 'index', 'sha256', 'from_addr', 'from_name', 'subject',
           'message_id', 'date_epoch', 'nodes', 'leaves', 'n_attachments',
           'attachments', 'text_kind', 'text_bytes', 'text_sha256')


def text_of(data, charset):
    """Bytes as text; those of no charset are UTF-8 or else windows-1252."""
    name = CHARSETS.get((charset or '').lower(), charset)
    if name != 'us-ascii':
        try:
            return data.decode(name, 'replace')
        except LookupError:
            pass
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        return data.decode('cp1252', 'replace')


def raw(value):
    return value.encode('utf-8', 'surrogateescape')


def values(message, name):
    """Unfolded, with 8-bit as surrogates."""
    return [re.sub('[\r\n]', '', v) for k, v in message.raw_items()
            if k.lower() == name]


def first(message, name):
    return (values(message, name) or [''])[0]


def decoded(value):
    value = re.sub('[\r\n]', '', value)
    text = ''
    for piece, charset in email.header.decode_header(value):
        if isinstance(piece, str):
            piece = raw(piece)
        text += text_of(piece, charset)
    return ' '.join(text.split())


def author(message):
    pairs = email.utils.getaddresses(values(message, 'from'))
    found = [(n, a) for n, a in pairs if a]
    for name, address in [f for f in found if '@' in f[1]] + found:
        return text_of(raw(address), None), decoded(name)
    return '', ''


def epoch(message):
    parsed = email.utils.parsedate_tz(first(message, 'date'))
    try:
        return str(email.utils.mktime_tz(parsed))
    except (TypeError, ValueError, OverflowError):
        return ''


def walk(part):
    yield part
    if part.get_content_type() in ('message/delivery-status',
                                   'message/disposition-notification'):
        return
    if part.is_multipart():
        for inner in part.get_payload():
            yield from walk(inner)


def item(text):
    for old, new in ('\\', '\\\\'), ('|', '\\p'), (':', '\\c'):
        text = text.replace(old, new)
    return text


def attachment(part):
    size = ''
    if not part.get_content_type().startswith('message/'):
        size = str(len(part.get_payload(decode=True) or b''))
    return '%s:%s:%s' % (part.get_content_type(), size,
                         item(decoded(part.get_filename() or '')))


def row(path):
    with open(path, 'rb') as f:
        data = f.read()
    message = email.message_from_bytes(data)
    parts = list(walk(message))
    leaves = [p for p in parts if not p.is_multipart() or
              p.get_content_type() == 'message/delivery-status']
    attachments = [p for p in parts
                   if p.get_content_maintype() != 'multipart' and
                   (p.get_filename() is not None or
                    p.get_content_disposition() == 'attachment')]
    cells = [os.path.relpath(path, os.path.dirname(__file__)), '0',
             hashlib.sha256(data).hexdigest(), *author(message),
             decoded(first(message, 'subject')),
             decoded(first(message, 'message-id')), epoch(message),
             str(len(parts)), str(len(leaves)), str(len(attachments)),
             '|'.join(map(attachment, attachments))]
    for kind in 'plain', 'html':
        for p in leaves:
            if p.get_content_type() == 'text/' + kind and \
                    p.get_content_disposition() != 'attachment':
                text = text_of(p.get_payload(decode=True) or b'',
                               p.get_param('charset'))
                text = re.sub('\r\n?', '\n', text).rstrip().encode()
                return cells + [kind, str(len(text)),
                                hashlib.sha256(text).hexdigest()]
    return cells + ['none', '', '']


def main():
    print('\t'.join(COLUMNS))
    for path in sys.argv[1:]:
        cells = [re.sub('[\t\n\r]', ' ', c) for c in row(path)]
        print('\t'.join(cells))


if __name__ == '__main__':
    main()
