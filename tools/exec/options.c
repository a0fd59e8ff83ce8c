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

/* The program for qemu does without: there is no libseccomp to link, and qemu's user mode knows no seccomp. */
__attribute__((weak)) char* freeze_sandbox_text(const char* process);

static const char kHelp[] =
    "usage: aotc-exec [OPTION]... FILE [OPTION]... [--invoke EXPORT [ARG]...] [-- ARG...]\n"
    "\n"
    "Runs the artifact FILE: calls _start, or _initialize for a reactor. Words after -- go to the program.\n"
    "\n"
    "  --dir HOST::GUEST[:ro]   let the program use directory HOST as GUEST, read-only with :ro\n"
    "  --env KEY=VALUE          set an environment variable of the program\n"
    "  --secret-env NAME        set it to the value of our own variable NAME, which is then in no command line\n"
    "  --secret-env NAME:LENGTH  with --freeze: withhold its value, which has LENGTH bytes, until the snapshot is run\n"
    "  --tcplisten ADDR:PORT    give the program a listening socket, from fd 3 on\n"
    "  --timeout DURATION       stop the program after this long: 500ms, 10s, 2m (from 1us to 365d)\n"
    "  --max-memory SIZE        limit on memory and native stack together: 64M, 1G (from 64K to 1T)\n"
    "  --name NAME              the program's name in argv[0] and messages, instead of FILE's\n"
    "  --invoke EXPORT ARG...   call EXPORT with numbers as arguments and print its results, one per line\n"
    "  --verify                 compare all checksums first\n"
    "  --cold                   start from the beginning even if FILE has a snapshot\n"
    "  --freeze OUT             run the program, confined, until it waits for input and write its snapshot to OUT;\n"
    "                           nothing arrives on stdin or on its listeners; exit code 3 and the reason if it cannot "
    "be\n"
    "                           frozen; OUT is empty then\n"
    "  --warmup-request FILE    with --freeze: let the program, a server, answer this HTTP request first; may be "
    "repeated\n"
    "  --rehearse               with --freeze: if the program is a server of Go's net/http, let that answer a request "
    "for the\n"
    "                           server itself first, of which no handler hears; exit code 4 if it was not like that\n"
    "  --listeners N            with --freeze: how many listeners it finds, from fd 3 on (default 1; from 0 to 9)\n"
    "  --gdb                    make the program known to gdb, and its call graphs to perf (also: AOTC_GDB=1)\n"
    "  --print-sandbox[=PROCESS]  what its processes may do when they freeze a program\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "An artifact with a snapshot goes on from there if arguments, environment and directories are those that it was "
    "made\n"
    "with. The exit code is the program's; 134 after a trap, 125 if it cannot be started.\n"
    "\n"
    "Examples:\n"
    "  aotc-exec hello.aotc -- world\n"
    "  aotc-exec server.aotc --tcplisten 127.0.0.1:8080 --dir ./site::/site:ro --env MODE=test\n"
    "  aotc-exec job.aotc --timeout 10s --max-memory 256M\n"
    "  aotc-exec add.aotc --invoke add 40 -2\n";

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

/* The value of option `name` when argv[*i] is it, as "--name VALUE" or "--name=VALUE"; else null. */
static char* option_value(const char* name, char** argv, int argc, int* i) {
  size_t length = strlen(name);
  if (strncmp(argv[*i], name, length) != 0) return NULL;
  if (argv[*i][length] == '=') return argv[*i] + length + 1;
  if (argv[*i][length] != 0) return NULL;
  if (*i + 1 >= argc) usage_error("needs a value", name);
  return argv[++*i];
}

static _Noreturn void print_sandbox(const char* process) {
  if (freeze_sandbox_text == NULL)
    usage_error("--print-sandbox", "not in this aotc-exec, which was built without libseccomp");
  char* text = freeze_sandbox_text(process);
  if (text == NULL) usage_error("--print-sandbox: no such process", process);
  fputs(text, stdout);
  free(text);
  exit(finish());
}

static void parse_words(int argc, char** argv, struct options* o) {
  char* value;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--") == 0) {
      o->args = argv + i + 1;
      o->arg_count = argc - i - 1;
      break;
    }
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      fputs(kHelp, stdout);
      exit(finish());
    } else if (strcmp(argv[i], "--version") == 0) {
      printf("aotc-exec %s\n", aotc_version);
      exit(finish());
    } else if (strcmp(argv[i], "--print-sandbox") == 0) {
      print_sandbox("");
    } else if (strncmp(argv[i], "--print-sandbox=", 16) == 0) {
      print_sandbox(argv[i] + 16);
    } else if (strcmp(argv[i], "--verify") == 0) {
      o->verify = true;
    } else if (strcmp(argv[i], "--cold") == 0) {
      o->cold = true;
    } else if ((value = option_value("--freeze", argv, argc, &i)) != NULL) {
      o->freeze = value;
    } else if ((value = option_value("--warmup-request", argv, argc, &i)) != NULL) {
      if (o->warmup_count == kMaxOption) usage_error("too many", "--warmup-request");
      o->warmup[o->warmup_count++] = value;
    } else if ((value = option_value("--listeners", argv, argc, &i)) != NULL) {
      o->freeze_listeners = (size_t)parse_quantity("--listeners", value, AOTC_COUNT, 0, 9);
    } else if (strcmp(argv[i], "--rehearse") == 0) {
      o->rehearse = true;
    } else if (strcmp(argv[i], "--gdb") == 0) {
      o->gdb = true;
    } else if ((value = option_value("--dir", argv, argc, &i)) != NULL) {
      if (o->dir_count == kMaxOption) usage_error("too many", "--dir");
      o->dirs[o->dir_count++] = parse_dir(value);
    } else if ((value = option_value("--env", argv, argc, &i)) != NULL) {
      if (o->env_count == kMaxOption) usage_error("too many", "--env");
      if (strchr(value, '=') == NULL || value[0] == '=') usage_error("--env: expected KEY=VALUE", value);
      o->env[o->env_count++] = value;
    } else if ((value = option_value("--secret-env", argv, argc, &i)) != NULL) {
      if (o->secret_count == kMaxOption) usage_error("too many", "--secret-env");
      o->secrets[o->secret_count++] = value;
    } else if ((value = option_value("--tcplisten", argv, argc, &i)) != NULL) {
      if (o->listener_count == kMaxOption) usage_error("too many", "--tcplisten");
      o->listeners[o->listener_count++] = open_listener(value);
    } else if ((value = option_value("--timeout", argv, argc, &i)) != NULL) {
      o->timeout = parse_quantity("--timeout", value, AOTC_DURATION, kLeastRunTime, kMostRunTime);
    } else if ((value = option_value("--max-memory", argv, argc, &i)) != NULL) {
      o->max_memory = parse_quantity("--max-memory", value, AOTC_SIZE, kLeastRunMemory, kMostRunMemory);
    } else if ((value = option_value("--name", argv, argc, &i)) != NULL) {
      o->name = value;
    } else if ((value = option_value("--invoke", argv, argc, &i)) != NULL) {
      o->invoke = value;
      o->invoke_args = argv + i + 1;
      while (i + 1 < argc && strcmp(argv[i + 1], "--") != 0) ++i, ++o->invoke_count;
    } else if (argv[i][0] == '-' && argv[i][1] != 0) {
      usage_error("unknown option", argv[i]);
    } else if (o->file == NULL) {
      o->file = argv[i];
    } else {
      usage_error("unexpected argument (the program's go after --)", argv[i]);
    }
  }
  if (o->file == NULL) {
    fputs("usage: aotc-exec [OPTION]... FILE [OPTION]... [--invoke EXPORT [ARG]...] [-- ARG...]; --help says more\n",
          stderr);
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
      !aotc_read_quantity(colon + 1, AOTC_COUNT, 8, 4096, &size, expected))
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
  *o = (struct options){.freeze_listeners = 1};
  parse_words(argc, argv, o);
  if (o->freeze != NULL && is_same_file(o->freeze, o->file))
    usage_error("--freeze: would replace the artifact", o->freeze);
  for (size_t i = 0; i < o->secret_count; ++i)
    o->secrets[i] = o->freeze != NULL ? withheld_secret(o->secrets[i]) : secret_of_ours(o->secrets[i]);
  const char* gdb = getenv("AOTC_GDB");
  if (gdb != NULL && strcmp(gdb, "0") != 0 && gdb[0] != 0) o->gdb = true;
}
