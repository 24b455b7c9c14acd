/*
 * mail - a message as a rule sees it, parsed on first use.
 *
 * Holds an index of the header fields of RFC 5322 (section 2.2) over
 * borrowed bytes, and hands out what rules ask for: unfolded and decoded
 * field values, addresses, dates, identifiers, body text.  The header index
 * is made at once (the hot path: a microsecond), everything else on first
 * use.  Behind it stand `address` and `date` (this header is theirs too),
 * `words` (encoded words), `charset`, `body` (MIME parts), `content` (their
 * fields), `enclosed` (uuencode), `sealed` (what is encrypted or signed),
 * `html`, and `mime`, which is GMime.
 *
 * A header ends at the first empty line, as for an IMAP server, so that a
 * header fetched alone and the whole message give the same answers; a line
 * in it that can be no field is skipped, with what is folded from it.
 *
 * The same bytes always give the same answer, in bounded time and memory:
 * see the MAIL_* limits.  Nothing here fails; broken mail gives what can be
 * read of it.
 *
 * Life:  everything lives in the arena given to mail_make, and borrows the
 *        bytes given there, which must outlive it.
 */
#ifndef TAMIS_MAIL_H
#define TAMIS_MAIL_H

#include "base.h"
#include "sealed.h"

#define MAIL_HEADER_MAX		(8 * 1024 * 1024)  /* octets looked at */
#define MAIL_FIELDS_MAX		100000	/* fields kept in the index */
#define MAIL_VALUE_MAX		(1024 * 1024)	/* octets of one value */
#define MAIL_ADDRESSES_MAX	10000	/* addresses of one field */
#define MAIL_BLOCK_MAX		(24 * 1024 * 1024)  /* octets, decoded */

struct mail;

/*
 * What a message was made of.  Where only some header fields were fetched
 * (IMAP HEADER.FIELDS), `only` names them: any other field is not known.
 */
enum mail_have {
	MAIL_FIELDS = 1,	/* the fields named, and no others */
	MAIL_HEADER = 2,	/* the whole header */
	MAIL_WHOLE = 4,		/* header and body */
};

/*
 * BYTES begin with the first header field.  With MAIL_WHOLE the body
 * follows the first empty line (CRLF, LF and bare CR are line ends; a mbox
 * "From " line before the header is skipped).  ONLY (N_ONLY names) is read
 * for MAIL_FIELDS alone.
 */
struct mail *mail_make(struct arena *a, struct str bytes,
    enum mail_have have, const struct str *only, size_t n_only);

/* Offset of the body in BYTES: behind the empty line, or bytes.n. */
size_t mail_body_offset(struct str bytes);

/*
 * The same in two steps, for whoever has to know where a header ends before
 * it is a message: the index lives in the arena given and borrows BYTES, and
 * both must outlive the message.
 */
struct mail_index;
struct mail_index *mail_index_make(struct arena *a, struct str bytes);
size_t mail_index_body(const struct mail_index *x);	/* as above */
struct mail *mail_of_index(struct arena *a, const struct mail_index *x,
    enum mail_have have, const struct str *only, size_t n_only);

/*
 * The header of BYTES in pieces, in order: put together they are all that
 * stands before the empty line.  A line that is no field, with what is folded
 * from it, has an empty name.  False where a limit cuts it.
 */
struct mail_piece {
	struct str name;
	struct str raw;		/* as mail_field_raw gives it */
	struct str whole;	/* with name and last line end */
};
MUST_USE bool mail_pieces(struct arena *a, struct str bytes,
    struct mail_piece **list_out, size_t *n_out);

/* M with another header, the empty line included; what else is known of it
 * stays.  All three in one arena. */
struct mail *mail_with_header(struct mail *m, struct str header);
/* What it was made of, up to where the body begins. */
struct str mail_header_octets(const struct mail *m);

/*
 * M, of which the fields NAMES are not known, nor a header as a whole; or
 * with ALL nothing is.  Another Content-Type would make another body, so that
 * is not known either without its Content- fields.
 */
struct mail *mail_veiled(struct mail *m, const struct str *names, size_t n,
    bool all);
/* Has M one, over the header, or over a body that is there? */
bool mail_header_veiled(const struct mail *m);
bool mail_body_veiled(const struct mail *m);
bool mail_knows_header(const struct mail *m);	/* all of it */

/* Can the field's presence and value be told from what is here?  False too
 * where a limit cuts the header or what stands under this name. */
bool mail_knows_field(const struct mail *m, struct str name);
bool mail_knows_body(const struct mail *m);

/* -------------------------------------------------------------- fields */

/* Occurrences of a field (ASCII case does not count). */
size_t mail_field_count(const struct mail *m, struct str name);
/* The K-th occurrence: raw bytes between colon and final line end. */
struct str mail_field_raw(const struct mail *m, struct str name, size_t k);
/*
 * Unfolded (RFC 5322 2.2.3: the line ends go; a tab that a line was folded
 * with is the blank it stands for), encoded words decoded (see `words`), raw
 * 8-bit read as UTF-8 or else windows-1252, outer space cut: valid UTF-8 of
 * one line without NUL.  Kept, so that asking again is free.
 */
struct str mail_field_text(struct mail *m, struct str name, size_t k);

/* The same, not decoded: unfolded and trimmed octets. */
struct str mail_field_octets(const struct mail *m, struct str name,
    size_t k);

/* The same two of a raw value that stands elsewhere. */
struct str mail_value_text(struct arena *a, struct str raw);
struct str mail_value_octets(struct arena *a, struct str raw);

/*
 * The whole header as one text: "Name: value" a line, each value as
 * mail_field_text gives it; or with OCTETS "Name:value" with what stands
 * behind the colon as it is but for the line ends of folding.  False where
 * it cannot be told: not all of it is here, or a limit cuts it.  Kept.
 */
bool mail_header_block(struct mail *m, bool octets, struct str *out);

/* --------------------------------------------------------- identifiers */

/* Message-ID, In-Reply-To: the first <...> without its angle brackets;
 * empty when there is none (a value without brackets is given trimmed). */
struct str mail_message_id(struct mail *m);
/* List-Id (RFC 2919): what stands in the last <...>, else the text. */
struct str mail_list_id(struct mail *m);
/* The identifiers of a References-like text, without brackets. */
size_t mail_ids(struct arena *a, struct str text, struct str **ids_out);

/* ----------------------------------------------------------- addresses */

struct address {
	struct str name;	/* decoded display name, or a comment */
	struct str address;	/* local@domain; quoting of the local part
				   taken off where it needs none.  A local
				   part alone (local mail) is an address */
	struct str local, domain;	/* domain lower case, A-labels */
};

/*
 * The addresses of every occurrence of the field, groups flattened
 * (RFC 5322 3.4, 4.4: comments, quoted pairs, routes, empty groups).
 * What cannot be read as an address but holds text gives an entry with an
 * empty `address` and the text as `name`.  Encoded words are decoded in
 * names only, after the structure was read.  Kept.
 */
size_t mail_addresses(struct mail *m, struct str field,
    const struct address **list_out);
/* The same of a text that stands elsewhere. */
size_t addresses_read(struct arena *a, struct str text,
    struct address **list_out);
/* "Name <address>", or what there is of it. */
struct str address_shown(struct arena *a, const struct address *ad);
/* A domain as addresses hold it, to compare with: lower case, A-labels, no
 * final dot. */
struct str address_domain(struct arena *a, struct str domain);

/* --------------------------------------------------------------- dates */

/* RFC 5322 3.3 and 4.3 (obsolete zones, two-digit years, missing seconds
 * or weekday, comments), in UTC; TIME_NONE when it cannot be read. */
int64_t date_read(struct str text);
/* The same; *EAST_OUT is the zone in seconds east, 0 when there is none. */
int64_t date_read_zone(struct str text, int *east_out);
int64_t mail_sent(struct mail *m);	/* of the Date field */
/* The zone of the Date field in seconds east, 0 when there is none. */
int mail_sent_zone(struct mail *m);

/* ---------------------------------------------------------------- body */

/* Needs MAIL_WHOLE.  *cut_out: parts were left out by a limit. */
size_t mail_body_texts(struct mail *m, const struct body_text **list_out,
    bool *cut_out);

/* All octets behind the header.  Needs MAIL_WHOLE. */
struct str mail_body_octets(const struct mail *m);

/* Leaves and messages with a file name or a Content-Disposition of
 * attachment, and files enclosed in a text/plain; those inside attached
 * messages too.  Needs MAIL_WHOLE. */
size_t mail_attachments(struct mail *m,
    const struct attachment **list_out, bool *cut_out);

/*
 * What the MIME structure is made of.  Needs MAIL_WHOLE.  Nodes are all
 * entities, leaves those that are neither multipart nor attached message;
 * the parts are the leaves and the attached messages, in their order.
 */
size_t mail_parts(struct mail *m, const struct body_part **list_out);
void mail_part_counts(struct mail *m, size_t *nodes_out,
    size_t *leaves_out);

/* What is encrypted or signed in it.  Needs MAIL_WHOLE.  Kept. */
const struct sealed *mail_sealed(const struct mail *m);

#endif
