/*
 * imap_dump - a reply of imap_parse as text, for tests.
 *
 * Header only, as each unit test is one source file.
 */
#ifndef TAMIS_IMAP_DUMP_H
#define TAMIS_IMAP_DUMP_H

#include <inttypes.h>

#include "engine/imap_parse.h"

static inline void imap_dump_set(struct buf *b, const struct uidset *u)
{
	size_t at = 0;

	if (u)
		uidset_format(u, &at, 1000, b);
}

static inline void imap_dump_list(struct buf *b, const struct str *v,
    size_t n)
{
	buf_add_char(b, '(');
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%.*s", i ? "|" : "", STR_ARG(v[i]));
	buf_add_char(b, ')');
}

static inline void imap_dump_flags(struct buf *b, const struct imap_flags *f)
{
	static const char letters[] = "SAFDTR*";

	for (size_t i = 0; letters[i]; i++)
		if (f->system & 1u << i)
			buf_add_char(b, letters[i]);
	imap_dump_list(b, f->keywords, f->n_keywords);
}

static inline void imap_dump_fetched(struct buf *b,
    const struct imap_fetched *m)
{
	buf_printf(b, "FETCH %u", m->seq);
	if (m->have & IMAP_UID)
		buf_printf(b, " uid %u", m->uid);
	if (m->have & IMAP_FLAGS) {
		buf_add_z(b, " flags ");
		imap_dump_flags(b, &m->flags);
	}
	if (m->have & IMAP_SIZE)
		buf_printf(b, " size %" PRIu64, m->size);
	if (m->have & IMAP_DATE)
		buf_printf(b, " date %" PRId64 "%+d", m->date, m->zone);
	if (m->have & IMAP_MODSEQ)
		buf_printf(b, " modseq %" PRIu64, m->modseq);
	if (m->have & IMAP_EMAILID)
		buf_printf(b, " emailid %.*s", STR_ARG(m->emailid));
	if (m->have & IMAP_THREADID)
		buf_printf(b, " threadid %.*s", STR_ARG(m->threadid));
	if (m->have & IMAP_GM_MSGID)
		buf_printf(b, " msgid %" PRIu64, m->gm_msgid);
	if (m->have & IMAP_GM_THRID)
		buf_printf(b, " thrid %" PRIu64, m->gm_thrid);
	if (m->have & IMAP_GM_LABELS) {
		buf_add_z(b, " labels ");
		imap_dump_list(b, m->gm_labels, m->n_gm_labels);
	}
	if (m->have & IMAP_HEADER)
		buf_printf(b, " header <%.*s>", STR_ARG(m->header));
	if (m->have & IMAP_FIELDS)
		buf_printf(b, " fields <%.*s>", STR_ARG(m->fields));
	if (m->have & IMAP_TEXT)
		buf_printf(b, " text <%.*s>", STR_ARG(m->text));
	if (m->have & IMAP_WHOLE)
		buf_printf(b, " whole <%.*s>", STR_ARG(m->whole));
	for (size_t i = 0; i < m->n_sections; i++)
		buf_printf(b, " [%.*s] %s<%.*s>", STR_ARG(m->sections[i].name),
		    m->sections[i].nil ? "nil" : "",
		    STR_ARG(m->sections[i].bytes));
}

static inline void imap_dump_code(struct buf *b, const struct imap_reply *r)
{
	const struct imap_code_data *d = &r->data;

	if (r->code == IMAP_CODE_NONE)
		return;
	buf_printf(b, " [%s", r->code == IMAP_CODE_OTHER ? "?" :
	    imap_code_name(r->code));
	if (d->number)
		buf_printf(b, " %" PRIu64, d->number);
	if (r->code == IMAP_CODE_PERMANENTFLAGS) {
		buf_add_char(b, ' ');
		imap_dump_flags(b, &d->flags);
	}
	if (d->n_atoms) {
		buf_add_char(b, ' ');
		imap_dump_list(b, d->atoms, d->n_atoms);
	}
	if (d->uids) {
		buf_add_char(b, ' ');
		imap_dump_set(b, d->uids);
	}
	for (size_t i = 0; i < d->n_pairs; i++)
		buf_printf(b, " %u>%u", d->pairs[i].from, d->pairs[i].to);
	if (d->text.n)
		buf_printf(b, " '%.*s'", STR_ARG(d->text));
	buf_add_char(b, ']');
	if (r->throttled && r->code != IMAP_CODE_THROTTLED)
		buf_add_z(b, " throttled");
}

static inline void imap_dump_status(struct buf *b,
    const struct imap_status_data *st)
{
	const struct {
		unsigned item;
		const char *name;
		uint64_t n;
	} v[] = {
		{ IMAP_ST_MESSAGES, "messages", st->messages },
		{ IMAP_ST_UIDNEXT, "uidnext", st->uidnext },
		{ IMAP_ST_UIDVALIDITY, "uidvalidity", st->uidvalidity },
		{ IMAP_ST_UNSEEN, "unseen", st->unseen },
		{ IMAP_ST_RECENT, "recent", st->recent },
		{ IMAP_ST_HIGHESTMODSEQ, "modseq", st->highestmodseq },
		{ IMAP_ST_SIZE, "size", st->size },
	};

	for (size_t i = 0; i < COUNT(v); i++)
		if (st->have & v[i].item)
			buf_printf(b, " %s %" PRIu64, v[i].name, v[i].n);
	if (st->have & IMAP_ST_MAILBOXID)
		buf_printf(b, " id %.*s", STR_ARG(st->mailboxid));
}

static inline void imap_dump_reply(struct buf *b, const struct imap_reply *r)
{
	static const char *const status[] = { "OK", "NO", "BAD", "BYE",
		"PREAUTH" };

	switch (r->kind) {
	case IMAP_OTHER:
		buf_add_z(b, "OTHER");
		break;
	case IMAP_TAGGED:
	case IMAP_STATUS_LINE:
		buf_printf(b, "%.*s %s", STR_ARG(r->kind == IMAP_TAGGED ?
		    r->tag : STR_LIT("*")), status[r->status]);
		imap_dump_code(b, r);
		buf_printf(b, " %.*s", STR_ARG(r->text));
		break;
	case IMAP_CONTINUE:
		buf_printf(b, "+ %.*s", STR_ARG(r->text));
		break;
	case IMAP_CAPABILITY_LIST:
	case IMAP_ENABLED_LIST:
		buf_add_z(b, r->kind == IMAP_ENABLED_LIST ? "ENABLED " :
		    "CAPABILITY ");
		imap_dump_list(b, r->atoms, r->n_atoms);
		break;
	case IMAP_FLAGS_LIST:
		buf_add_z(b, "FLAGS ");
		imap_dump_flags(b, &r->flags);
		break;
	case IMAP_LIST_ENTRY:
	case IMAP_LSUB_ENTRY:
		buf_printf(b, "%s %x '%c' <%.*s>", r->kind == IMAP_LIST_ENTRY ?
		    "LIST" : "LSUB", r->attrs, r->separator ? r->separator :
		    '-', STR_ARG(r->name));
		break;
	case IMAP_STATUS_DATA:
		buf_printf(b, "STATUS <%.*s>", STR_ARG(r->name));
		imap_dump_status(b, &r->st);
		break;
	case IMAP_SEARCH_RESULT:
		buf_printf(b, "SEARCH %.*s%s ", STR_ARG(r->search_tag),
		    r->is_uid ? " uid" : "");
		imap_dump_set(b, r->uids);
		if (r->modseq)
			buf_printf(b, " modseq %" PRIu64, r->modseq);
		break;
	case IMAP_EXISTS:
		buf_printf(b, "EXISTS %u", r->number);
		break;
	case IMAP_RECENT_COUNT:
		buf_printf(b, "RECENT %u", r->number);
		break;
	case IMAP_EXPUNGE:
		buf_printf(b, "EXPUNGE %u", r->number);
		break;
	case IMAP_VANISHED:
		buf_printf(b, "VANISHED%s ", r->earlier ? " earlier" : "");
		imap_dump_set(b, r->uids);
		break;
	case IMAP_FETCH:
		imap_dump_fetched(b, &r->fetched);
		break;
	case IMAP_NAMESPACE:
		buf_printf(b, "NAMESPACE <%.*s> '%c'", STR_ARG(r->name),
		    r->separator ? r->separator : '-');
		break;
	case IMAP_ID:
		buf_printf(b, "ID %.*s", STR_ARG(r->text));
		break;
	}
	buf_add_char(b, '\n');
}

#endif
