/* options.c - the command line of aotc-exec. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aotc/program.h"
#include "freeze_program.h"
#include "run_limits.h"
#include "support/quantity.h"
#include "support/version.h"

static const char kUsage[] = "usage: aotc-exec [OPTION]... FILE [OPTION]... [--invoke EXPORT [ARG]...] [-- ARG...]";

/* The bounds of options that freezing shares with other programs. */
enum {
#define OPTION(...)
#define FREEZE_OPTION(option, name, word, kind, value, standard, least, most, user, help) \
  kLeast##option = least, kMost##option = most,
#include "support/compile_options.def"
};
_Static_assert((int)kMaxEnv == (int)kMostEnv, "as many variables as a compilation can have");

_Noreturn void usage_error(const char* what, const char* value) {
  fprintf(stderr, "aotc-exec: %s: %s\n", what, value);
  exit(kExitUsage);
}

int finish(void) { return aotc_finish_stdout("aotc-exec") ? 0 : kExitCannotRun; }

static uint64_t parse_quantity(const char* option, const char* text, enum aotc_quantity_kind kind, uint64_t least,
                               uint64_t most) {
  char expected[AOTC_QUANTITY_TEXT], what[2 * AOTC_QUANTITY_TEXT];
  uint64_t value;
  if (aotc_read_quantity(text, kind, least, most, &value, expected)) return value;
  snprintf(what, sizeof(what), "%s: %s", option, expected);
  usage_error(what, text);
}

/* HOST::GUEST[:ro]; without GUEST it is HOST. */
static struct aotc_wasi_dir parse_dir(char* text) {
  struct aotc_wasi_dir dir = {.host_path = text, .guest_path = text};
  size_t length = strlen(text);
  if (length > 3 && strcmp(text + length - 3, ":ro") == 0) {
    dir.read_only = true;
    text[length - 3] = 0;
  }
  char* separator = strstr(text, "::");
  if (separator != NULL) {
    *separator = 0;
    dir.guest_path = separator + 2;
  }
  if (dir.host_path[0] == 0 || dir.guest_path[0] == 0) usage_error("--dir", "expected HOST::GUEST[:ro]");
  return dir;
}

static int open_listener(const char* text) {
  char host[64];
  const char* colon = strrchr(text, ':');
  uint64_t port;
  char expected[AOTC_QUANTITY_TEXT];
  if (colon == NULL || !aotc_read_quantity(colon + 1, AOTC_COUNT, 0, 65535, &port, expected) ||
      (size_t)(colon - text) >= sizeof(host))
    usage_error("--tcplisten: expected ADDR:PORT", text);
  size_t length = (size_t)(colon - text);
  bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
  memcpy(host, text + brackets, length);
  host[brackets ? length - 2 : length] = 0;
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  bool is_v4 = length == 0 || inet_pton(AF_INET, host, &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) usage_error("--tcplisten: not a numeric address", text);
  int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int one = 1;
  const struct sockaddr* address = is_v4 ? (const struct sockaddr*)&v4 : (const struct sockaddr*)&v6;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
      bind(fd, address, is_v4 ? sizeof(v4) : sizeof(v6)) != 0 || listen(fd, 1024) != 0) {
    fprintf(stderr, "aotc-exec: --tcplisten %s: %s\n", text, strerror(errno));
    exit(kExitCannotRun);
  }
  return fd;
}

static void take(const char* option, const char** list, size_t* count, size_t most, const char* value) {
  if (*count == most) usage_error("too many", option);
  list[(*count)++] = value;
}

static void take_Dir(struct options* o, char* value) {
  if (o->dir_count == kMaxOption) usage_error("too many", "--dir");
  o->dirs[o->dir_count++] = parse_dir(value);
}

static void take_Env(struct options* o, char* value) {
  if (strchr(value, '=') == NULL || value[0] == '=') usage_error("--env: expected KEY=VALUE", value);
  take("--env", o->env, &o->env_count, kMaxEnv, value);
}

static void take_SecretEnv(struct options* o, char* value) {
  take("--secret-env", o->secrets, &o->secret_count, kMaxOption, value);
}

static void take_Warmup(struct options* o, char* value) {
  take("--warmup-request", o->warmup, &o->warmup_count, kMaxOption, value);
}

static void take_Listeners(struct options* o, char* value) {
  o->freeze_listeners = (size_t)parse_quantity("--listeners", value, AOTC_COUNT, kLeastListeners, kMostListeners);
}

static void take_Rehearsal(struct options* o, char* value) {
  o->rehearse = strcmp(value, "auto") == 0;
  if (!o->rehearse && strcmp(value, "off") != 0) usage_error("--rehearsal: expected auto or off", value);
}

static void take_Clock(struct options* o, char* value) {
  o->clock_continues = strcmp(value, "continue") == 0;
  if (!o->clock_continues && strcmp(value, "advance") != 0) usage_error("--clock: expected advance or continue", value);
}

static void take_Unique(struct options* o, char* value) {
  if (strcmp(value, "warmup") == 0)
    o->unique = AOTC_UNIQUE_WARMUP;
  else if (strcmp(value, "strict") == 0)
    o->unique = AOTC_UNIQUE_STRICT;
  else if (strcmp(value, "report") == 0)
    o->unique = AOTC_UNIQUE_REPORT;
  else
    usage_error("--unique: expected warmup, strict or report", value);
}

static void take_tcplisten(struct options* o, char* value) {
  if (o->listener_count == kMaxOption) usage_error("too many", "--tcplisten");
  o->listeners[o->listener_count++] = open_listener(value);
}

static void take_outbound(struct options* o, char* value) {
  o->outbound = (int)parse_quantity("--outbound", value, AOTC_COUNT, 3, 1 << 20);
}

static void take_files(const char* option, struct aotc_named_files* files, const char* folder) {
  char error[512];
  if (aotc_read_named_files(folder, files, error)) return;
  fprintf(stderr, "aotc-exec: %s: %s\n", option, error);
  exit(kExitCannotRun);
}

static void take_config(struct options* o, char* value) { take_files("--config", &o->config, value); }
static void take_secrets(struct options* o, char* value) { take_files("--secrets", &o->secret_files, value); }

static void take_timeout(struct options* o, char* value) {
  o->timeout = parse_quantity("--timeout", value, AOTC_DURATION, kLeastRunTime, kMostRunTime);
}

static void take_max_memory(struct options* o, char* value) {
  o->max_memory = parse_quantity("--max-memory", value, AOTC_SIZE, kLeastRunMemory, kMostRunMemory);
}

static void take_tmp_size(struct options* o, char* value) {
  o->tmp_size = parse_quantity("--tmp-size", value, AOTC_SIZE, 0, kMostRunMemory);
  o->tmp_given = true;
}

static void take_name(struct options* o, char* value) { o->name = value; }
static void take_verify(struct options* o, char* value) { o->verify = value == NULL; }
static void take_cold(struct options* o, char* value) { o->cold = value == NULL; }
static void take_gdb(struct options* o, char* value) { o->gdb = value == NULL; }
static void take_freeze(struct options* o, char* value) { o->freeze = value; }

/* What is left of the words are its arguments. */
static void take_invoke(struct options* o, char* value) { o->invoke = value; }

static void take_print_sandbox(struct options* o, char* value) {
  (void)o;
  char* text = freeze_sandbox_text(value == NULL ? "" : value);
  if (text == NULL) usage_error("--print-sandbox: no such process", value);
  fputs(text, stdout);
  free(text);
  exit(finish());
}

static void take_version(struct options* o, char* value) {
  (void)o, (void)value;
  printf("aotc-exec %s\n", aotc_version);
  exit(finish());
}

static void take_help(struct options* o, char* value);

struct word {
  const char *name, *value; /* no value: null, or "[=" and what can be written behind it */
  void (*take)(struct options* o, char* value);
  const char* help;
  enum kind { OTHER, CHOICE, COUNT, VARIABLE, SECRET, DIRECTORY, REQUEST } kind;
  unsigned least, most; /* of a count, and of the length of a secret */
};

#define WORD(name, value, take, help) {name, value, take, help, OTHER, 0, 0}
static const struct word kWords[] = {
    WORD("--tcplisten", "ADDR:PORT", take_tcplisten, "give the program a listening socket, from fd 3 on"),
    WORD("--outbound", "FD", take_outbound,
         "the program connects to others by the broker at the other end of this socket (from 3 to 1048576)"),
    WORD("--config", "DIR", take_config, "what edge.Config tells the program: the files in DIR, by their names"),
    WORD("--secrets", "DIR", take_secrets, "likewise edge.Secret"),
    WORD("--timeout", "DURATION", take_timeout, "stop the program after this long: 500ms, 10s, 2m (from 1us to 365d)"),
    WORD("--max-memory", "SIZE", take_max_memory,
         "limit on memory and native stack together: 64M, 1G (from 64K to 1T)"),
    WORD("--tmp-size", "SIZE", take_tmp_size,
         "give the program a directory /tmp in memory, for as much (from 0 to 1T); without it, one that\n"
         "has a listener, or whose snapshot has one, gets 64M"),
    WORD("--name", "NAME", take_name, "the program's name in argv[0] and messages, instead of FILE's"),
    WORD("--invoke", "EXPORT ARG...", take_invoke,
         "call EXPORT with numbers as arguments and print its results, one per line"),
    WORD("--verify", NULL, take_verify, "compare all checksums first"),
    WORD("--cold", NULL, take_cold, "start from the beginning even if FILE has a snapshot"),
    WORD("--gdb", NULL, take_gdb, "make the program known to gdb, and its call graphs to perf (also: AOTC_GDB=1)"),
    WORD("--freeze", "OUT", take_freeze,
         "run the program, confined, until it waits for input and write its snapshot to OUT;\n"
         "nothing arrives on stdin or on its listeners; exit code 3 and the reason if it cannot be\n"
         "frozen, 4 if it may be without the rehearsal; OUT is empty then"),
    WORD("--print-sandbox", "[=PROCESS]", take_print_sandbox, "what its processes may do when they freeze a program"),
#define OPTION(...)
#define FREEZE_OPTION(option, name, word, kind, value, standard, least, most, user, help) \
  {word, value, take_##option, help, kind, least, most},
#include "support/compile_options.def"
    WORD("--version", NULL, take_version, "print the version"),
    WORD("--help", NULL, take_help, "print this"),
};

static const char kAbout[] =
    "\nWithout --freeze, --dir HOST::GUEST lets the program write to the directory, too, --secret-env NAME gives it\n"
    "our own variable NAME, whose value is then in no command line, and --listeners, --rehearsal,\n"
    "--clock, --unique and --warmup-request mean nothing.\n"
    "An artifact with a snapshot goes on from there if arguments, environment and directories are those that it was\n"
    "made with; without --dir it has the directories that the snapshot keeps. The exit code is the program's, 1 for\n"
    "its codes above 125; 134 after a trap, 125 if it cannot be started.\n"
    "\n"
    "Examples:\n"
    "  aotc-exec hello.aotc -- world\n"
    "  aotc-exec server.aotc --tcplisten 127.0.0.1:8080 --dir ./site::/site:ro --env MODE=test\n"
    "  aotc-exec job.aotc --timeout 10s --max-memory 256M\n"
    "  aotc-exec add.aotc --invoke add 40 -2\n";

static void take_help(struct options* o, char* value) {
  (void)o, (void)value;
  printf(
      "%s\n\nRuns the artifact FILE: calls _start, or _initialize for a reactor. Words after -- go to the program.\n\n",
      kUsage);
  for (const struct word* word = kWords; word < kWords + sizeof(kWords) / sizeof(*kWords); ++word) {
    bool optional = word->value != NULL && word->value[0] == '[';
    int used = printf("  %s%s%s", word->name, word->value == NULL || optional ? "" : " ",
                      word->value == NULL ? "" : word->value);
    printf("%*s", used < 28 ? 28 - used : 1, "");
    for (const char* c = word->help; *c != 0; ++c) *c == '\n' ? printf("\n%28s", "") : putchar(*c);
    if (word->kind == COUNT || word->kind == SECRET) printf(" (from %u to %u)", word->least, word->most);
    putchar('\n');
  }
  fputs(kAbout, stdout);
  exit(finish());
}

/* Takes argv[*i], an option, with its value if that is the next word. */
static void take_word(struct options* o, char** argv, int argc, int* i) {
  size_t length = strcspn(argv[*i], "=");
  for (const struct word* word = kWords; word < kWords + sizeof(kWords) / sizeof(*kWords); ++word) {
    if (strlen(word->name) != length || strncmp(argv[*i], word->name, length) != 0) continue;
    char* value = argv[*i][length] == '=' ? argv[*i] + length + 1 : NULL;
    bool needed = word->value != NULL && word->value[0] != '[';
    if (value != NULL && word->value == NULL) break;
    if (value == NULL && needed && *i + 1 >= argc) usage_error("needs a value", word->name);
    word->take(o, value == NULL && needed ? argv[++*i] : value);
    return;
  }
  usage_error("unknown option", argv[*i]);
}

static void parse_words(int argc, char** argv, struct options* o) {
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--") == 0) {
      o->args = argv + i + 1;
      o->arg_count = argc - i - 1;
      break;
    }
    if (o->invoke != NULL && o->invoke_args == NULL) {
      o->invoke_args = argv + i;
      while (i < argc && strcmp(argv[i], "--") != 0) ++i, ++o->invoke_count;
      --i;
    } else if (strcmp(argv[i], "-h") == 0) {
      take_help(o, NULL);
    } else if (argv[i][0] == '-' && argv[i][1] != 0) {
      take_word(o, argv, argc, &i);
    } else if (o->file == NULL) {
      o->file = argv[i];
    } else {
      usage_error("unexpected argument (the program's go after --)", argv[i]);
    }
  }
  if (o->file == NULL) {
    fprintf(stderr, "%s; --help says more\n", kUsage);
    exit(kExitUsage);
  }
  if (o->name == NULL) {
    const char* slash = strrchr(o->file, '/');
    o->name = slash == NULL ? o->file : slash + 1;
  }
}

/* "NAME=" and room for `size` bytes. */
static char* new_variable(const char* name, size_t length, size_t size) {
  char* variable = calloc(1, length + size + 2);
  if (variable == NULL) abort();
  memcpy(variable, name, length);
  variable[length] = '=';
  return variable;
}

/* NAME:LENGTH, a value that is not known yet. */
static const char* withheld_secret(const char* text) {
  const char* colon = strrchr(text, ':');
  uint64_t size;
  char expected[AOTC_QUANTITY_TEXT];
  size_t length = colon == NULL ? 0 : (size_t)(colon - text);
  if (length == 0 || memchr(text, '=', length) != NULL ||
      !aotc_read_quantity(colon + 1, AOTC_COUNT, kLeastSecretEnv, kMostSecretEnv, &size, expected))
    usage_error("--secret-env: expected NAME:LENGTH, from 8 to 4096 bytes", text);
  char* variable = new_variable(text, length, size);
  if (!aotc_secret_placeholder(variable + length + 1, size)) abort();
  return variable;
}

static const char* secret_of_ours(const char* name) {
  const char* value = getenv(name);
  if (value == NULL) usage_error("--secret-env: there is no such variable", name);
  char* variable = new_variable(name, strlen(name), strlen(value));
  strcpy(variable + strlen(name) + 1, value);
  return variable;
}

/* Opening the snapshot's file empties it. */
static bool is_same_file(const char* a, const char* b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void parse_options(int argc, char** argv, struct options* o) {
  *o = (struct options){.freeze_listeners = 1, .tmp_size = AOTC_WASI_TMP_SIZE, .outbound = -1};
  parse_words(argc, argv, o);
  if (o->freeze != NULL && is_same_file(o->freeze, o->file))
    usage_error("--freeze: would replace the artifact", o->freeze);
  for (size_t i = 0; i < o->secret_count; ++i)
    o->secrets[i] = o->freeze != NULL ? withheld_secret(o->secrets[i]) : secret_of_ours(o->secrets[i]);
  const char* gdb = getenv("AOTC_GDB");
  if (gdb != NULL && strcmp(gdb, "0") != 0 && gdb[0] != 0) o->gdb = true;
}
