/*
 * imap_parse - what an IMAP server says, taken apart.
 *
 * Bytes go in as they come, in pieces of any size; replies come out, one at
 * a time, the same for every way of cutting.  RFC 3501 and 9051 with
 * UIDPLUS (4315), CONDSTORE and QRESYNC (7162), ESEARCH (4731), LIST-EXTENDED
 * (5258), SPECIAL-USE (6154), OBJECTID (8474), RFC 5530 codes and Gmail's
 * X-GM-EXT-1, and the odd things real servers send.  No I/O.
 *
 * Life:   imap_parse_make; imap_parse_feed until the connection ends.  A
 *         reply and all it points to live until the next feed.
 * Limits: the IMAP_* below.  What goes past one is ERR_PROTO.
 * Errors: ERR_PROTO with the text that was got, cut and shown(); after one
 *         the stream has no meaning any more.  A reply of an unknown kind is
 *         no error (IMAP_OTHER), nor is an unknown item or code.
 */
#ifndef TAMIS_IMAP_PARSE_H
#define TAMIS_IMAP_PARSE_H

#include "uidset.h"

#define IMAP_LINE_MAX	(16u * 1024 * 1024)	/* a reply but its literals */
#define IMAP_LITERAL_MAX	(2147483647u)	/* octets of one literal */
#define IMAP_LITERALS_MAX	10000	/* literals of one reply */
#define IMAP_DEPTH_MAX		200	/* parentheses in parentheses */
#define IMAP_LIST_MAX		100000	/* flags, labels, attributes, items */
#define IMAP_PAIRS_MAX		1000000	/* UIDs of one COPYUID */
/* Literals of one reply up to this many octets lie in memory. */
#define IMAP_MEMORY_MAX		(8u * 1024 * 1024)

/* -------------------------------------------------------- response codes */

enum imap_code {
	IMAP_CODE_NONE,
	IMAP_CODE_OTHER,	/* one we do not know */
	IMAP_CODE_ALERT,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_APPENDUID,
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_BADCHARSET,
	IMAP_CODE_CANNOT,
	IMAP_CODE_CAPABILITY,
	IMAP_CODE_CLIENTBUG,
	IMAP_CODE_CLOSED,
	IMAP_CODE_COMPRESSIONACTIVE,
	IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_COPYUID,
	IMAP_CODE_CORRUPTION,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_HIGHESTMODSEQ,
	IMAP_CODE_INUSE,
	IMAP_CODE_LIMIT,
	IMAP_CODE_MAILBOXID,
	IMAP_CODE_MODIFIED,
	IMAP_CODE_NOMODSEQ,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_NOPERM,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_PARSE,
	IMAP_CODE_PERMANENTFLAGS,
	IMAP_CODE_PRIVACYREQUIRED,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_REFERRAL,
	IMAP_CODE_SERVERBUG,
	IMAP_CODE_THROTTLED,
	IMAP_CODE_TOOBIG,
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT,
	IMAP_CODE_UIDNOTSTICKY,
	IMAP_CODE_UIDVALIDITY,
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_UNSEEN,
	IMAP_CODE_WEBALERT,
};

const char *imap_code_name(enum imap_code c);	/* "OVERQUOTA"; "" for none */

/* -------------------------------------------------------------- flags */

/* Flags and \Attributes are compared without regard to ASCII case. */
enum imap_flag {
	IMAP_SEEN = 1 << 0,
	IMAP_ANSWERED = 1 << 1,
	IMAP_FLAGGED = 1 << 2,
	IMAP_DELETED = 1 << 3,
	IMAP_DRAFT = 1 << 4,
	IMAP_RECENT = 1 << 5,
	IMAP_ANY_KEYWORD = 1 << 6,	/* \* in PERMANENTFLAGS */
};

unsigned imap_flag_of(struct str name);	/* 0: it is a keyword */

struct imap_flags {
	unsigned system;		/* enum imap_flag, or-ed */
	const struct str *keywords;	/* as the server wrote them */
	size_t n_keywords;
};
/* All of them by their names in arena A, but for \Recent, which nobody can
 * set, and \*; the keywords are borrowed. */
size_t imap_flag_names(struct arena *a, const struct imap_flags *flags,
    struct str **out);

enum imap_attr {
	IMAP_NOSELECT = 1 << 0,
	IMAP_NONEXISTENT = 1 << 1,
	IMAP_NOINFERIORS = 1 << 2,
	IMAP_HASCHILDREN = 1 << 3,
	IMAP_HASNOCHILDREN = 1 << 4,
	IMAP_MARKED = 1 << 5,
	IMAP_UNMARKED = 1 << 6,
	IMAP_SUBSCRIBED = 1 << 7,
	IMAP_REMOTE = 1 << 8,
	IMAP_USE_ALL = 1 << 9,		/* RFC 6154, RFC 8457 */
	IMAP_USE_ARCHIVE = 1 << 10,
	IMAP_USE_DRAFTS = 1 << 11,
	IMAP_USE_FLAGGED = 1 << 12,
	IMAP_USE_JUNK = 1 << 13,
	IMAP_USE_SENT = 1 << 14,
	IMAP_USE_TRASH = 1 << 15,
	IMAP_USE_IMPORTANT = 1 << 16,
	IMAP_USE_INBOX = 1 << 17,	/* XLIST only */
};
#define IMAP_USE_ANY	(0x1ffu << 9)

/* ------------------------------------------------------------ messages */

/* Items of a FETCH; the bit says "asked for" or "here". */
enum imap_item {
	IMAP_UID = 1 << 0,		/* always asked for */
	IMAP_FLAGS = 1 << 1,
	IMAP_SIZE = 1 << 2,		/* RFC822.SIZE */
	IMAP_DATE = 1 << 3,		/* INTERNALDATE */
	IMAP_MODSEQ = 1 << 4,		/* needs CONDSTORE */
	IMAP_EMAILID = 1 << 5,		/* needs OBJECTID */
	IMAP_THREADID = 1 << 6,		/* needs OBJECTID */
	IMAP_GM_MSGID = 1 << 7,		/* these need X-GM-EXT-1 */
	IMAP_GM_THRID = 1 << 8,
	IMAP_GM_LABELS = 1 << 9,
	IMAP_HEADER = 1 << 10,		/* BODY[HEADER] */
	IMAP_FIELDS = 1 << 11,		/* BODY[HEADER.FIELDS (...)] */
	IMAP_TEXT = 1 << 12,		/* BODY[TEXT] */
	IMAP_WHOLE = 1 << 13,		/* BODY[] */
	IMAP_SECTION = 1 << 14,		/* some other BODY[...] */
};

/* A body section other than those with a bit of their own. */
struct imap_section {
	struct str name;	/* "1.2.MIME", upper case, without blanks */
	struct str bytes;
	bool nil;		/* the message has no such part */
};

struct imap_fetched {
	unsigned have;		/* enum imap_item, or-ed: what is valid */
	uint32_t seq, uid;
	struct imap_flags flags;
	uint64_t size;		/* octets, as the server counts */
	int64_t date;		/* seconds since 1970, UTC */
	int zone;		/* minutes east of UTC it was written in */
	uint64_t modseq;
	struct str emailid, threadid;	/* threadid: empty for NIL */
	uint64_t gm_msgid, gm_thrid;
	const struct str *gm_labels;	/* imap gives them in UTF-8 */
	size_t n_gm_labels;
	struct str header, fields, text, whole;
	const struct imap_section *sections;
	size_t n_sections;
};

/* -------------------------------------------------------------- replies */

enum imap_kind {
	IMAP_OTHER,	/* untagged, well-formed as far as seen, not known */
	IMAP_TAGGED,	/* status, code, text; `tag` */
	IMAP_CONTINUE,	/* "+ text" */
	IMAP_STATUS_LINE,	/* untagged OK, NO, BAD, BYE, PREAUTH */
	IMAP_CAPABILITY_LIST,	/* atoms */
	IMAP_ENABLED_LIST,	/* atoms */
	IMAP_FLAGS_LIST,	/* flags */
	IMAP_LIST_ENTRY,	/* LIST, XLIST: name, attrs, separator */
	IMAP_LSUB_ENTRY,
	IMAP_STATUS_DATA,	/* STATUS: name, status items */
	IMAP_SEARCH_RESULT,	/* SEARCH, ESEARCH: uids (or numbers) */
	IMAP_EXISTS,		/* number */
	IMAP_RECENT_COUNT,	/* number */
	IMAP_EXPUNGE,		/* number: a sequence number */
	IMAP_VANISHED,		/* uids, earlier */
	IMAP_FETCH,		/* fetched */
	IMAP_NAMESPACE,		/* first personal namespace: name, separator */
	IMAP_ID,		/* text: the server's name and version */
};

enum imap_status {
	IMAP_STATUS_OK, IMAP_STATUS_NO, IMAP_STATUS_BAD, IMAP_STATUS_BYE,
	IMAP_STATUS_PREAUTH,
};

struct imap_pair {
	uint32_t from, to;
};

/* What a response code carries; valid by `code`. */
struct imap_code_data {
	uint64_t number;	/* UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ, UNSEEN;
				 * APPENDUID, COPYUID: the UIDVALIDITY */
	struct imap_flags flags;	/* PERMANENTFLAGS */
	const struct str *atoms;	/* CAPABILITY */
	size_t n_atoms;
	struct uidset *uids;	/* MODIFIED, APPENDUID */
	/* COPYUID in the server's order; none if the two sets differ in
	 * size or are above IMAP_PAIRS_MAX. */
	const struct imap_pair *pairs;
	size_t n_pairs;
	struct str text;	/* MAILBOXID, BADCHARSET, REFERRAL, others */
};

/* Items of STATUS and their presence. */
enum imap_status_item {
	IMAP_ST_MESSAGES = 1 << 0,
	IMAP_ST_UIDNEXT = 1 << 1,
	IMAP_ST_UIDVALIDITY = 1 << 2,
	IMAP_ST_UNSEEN = 1 << 3,
	IMAP_ST_HIGHESTMODSEQ = 1 << 4,
	IMAP_ST_SIZE = 1 << 5,
	IMAP_ST_MAILBOXID = 1 << 6,
	IMAP_ST_RECENT = 1 << 7,
};

struct imap_status_data {
	unsigned have;		/* enum imap_status_item, or-ed */
	uint32_t messages, uidnext, uidvalidity, unseen, recent;
	uint64_t highestmodseq, size;
	struct str mailboxid;
};

struct imap_reply {
	enum imap_kind kind;
	struct str tag;
	enum imap_status status;
	enum imap_code code;
	bool throttled;		/* [THROTTLED]: `code`, or behind the text */
	struct imap_code_data data;
	struct str text;	/* human text behind the code; raw: show it
				 * through shown() only */
	uint32_t number;
	struct str name;	/* raw: modified UTF-7 on the wire */
	unsigned attrs;		/* enum imap_attr, or-ed */
	char separator;		/* 0: flat (NIL) */
	const struct str *atoms;
	size_t n_atoms;
	struct imap_flags flags;
	struct imap_status_data st;
	struct uidset *uids;
	struct str search_tag;	/* ESEARCH (TAG "...") */
	bool is_uid;		/* ESEARCH UID */
	bool earlier;		/* VANISHED (EARLIER) */
	uint64_t modseq;	/* SEARCH ... (MODSEQ n); 0: none */
	struct imap_fetched fetched;
	struct str line;	/* the reply's text as it came, for errors */
};

/* -------------------------------------------------------------- parser */

struct imap_parse;

/*
 * Where literals go that would bring a reply above IMAP_MEMORY_MAX: PLACE
 * gives N octets, RELEASE takes them back once the reply is over.  NULL for
 * both: such a reply is ERR_PROTO.
 */
struct imap_place {
	char *(*place)(void *arg, size_t n, struct err *e);
	void (*release)(void *arg, char *p, size_t n);
	void *arg;
};

/* PLACE is copied; NULL: none.  LITERAL_MAX 0: IMAP_LITERAL_MAX.  All that
 * the parser has goes with A. */
struct imap_parse *imap_parse_make(struct arena *a,
    const struct imap_place *place, size_t literal_max);

/*
 * Takes octets off the front of *IN until a reply is complete: *REPLY_OUT is
 * that reply, or NULL when *IN is empty and more is needed.
 */
MUST_USE bool imap_parse_feed(struct imap_parse *p, struct str *in,
    const struct imap_reply **reply_out, struct err *e);

/*
 * Where the next octets from the network may be put straight: inside a
 * literal, *N octets of room; NULL when they are to be fed.  After putting K
 * there, imap_parse_placed(p, K).
 */
char *imap_parse_room(struct imap_parse *p, size_t *n);
void imap_parse_placed(struct imap_parse *p, size_t k);

/*
 * The last reply and all it points to stay valid until imap_parse_let_go, and
 * the parser goes on in other memory.  One at a time: keeping lets go of the
 * one before.
 */
void imap_parse_keep(struct imap_parse *p);
void imap_parse_let_go(struct imap_parse *p);

/* In the middle of a reply? */
bool imap_parse_midway(const struct imap_parse *p);

/* "17-Jul-1996 02:44:25 -0700" (RFC 3501 date-time), blanks tolerated. */
MUST_USE bool imap_parse_date(struct str s, int64_t *t_out, int *zone_out);

#endif
