/* aotc_exec.c - `aotc-exec`: runs one artifact with the node runtime, and nothing else. Static, libc only.
 *
 * In: an artifact and options. Out: the program's exit code; 134 after a trap, 125 when it could not be started.
 * What runs here is what runs on a node, without pool, HTTP and signatures around it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aotc/program.h"
#include "aotc/wasi.h"
#include "freeze_program.h"
#include "run_limits.h"
#include "support/quantity.h"
#include "support/version.h"

/* The program for qemu does without: there is no libseccomp to link, and qemu's user mode knows no seccomp. */
__attribute__((weak)) int freeze_program(const struct freeze_options*);
__attribute__((weak)) char* freeze_sandbox_text(const char* process);

enum { kExitUsage = 2, kExitTrap = 134 };
enum { kMaxOption = 64 };

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
    "                           nothing arrives on stdin or on its listeners; exit code 3 and the reason if it cannot be\n"
    "                           frozen; OUT is empty then\n"
    "  --warmup-request FILE    with --freeze: let the program, a server, answer this HTTP request first; may be repeated\n"
    "  --rehearse               with --freeze: if the program is a server of Go's net/http, let that answer a request for the\n"
    "                           server itself first, of which no handler hears; exit code 4 if it was not like that\n"
    "  --listeners N            with --freeze: how many listeners it finds, from fd 3 on (default 1; from 0 to 9)\n"
    "  --gdb                    make the program known to gdb, and its call graphs to perf (also: AOTC_GDB=1)\n"
    "  --print-sandbox[=PROCESS]  what its processes may do when they freeze a program\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "An artifact with a snapshot goes on from there if arguments, environment and directories are those that it was made\n"
    "with. The exit code is the program's; 134 after a trap, 125 if it cannot be started.\n"
    "\n"
    "Examples:\n"
    "  aotc-exec hello.aotc -- world\n"
    "  aotc-exec server.aotc --tcplisten 127.0.0.1:8080 --dir ./site::/site:ro --env MODE=test\n"
    "  aotc-exec job.aotc --timeout 10s --max-memory 256M\n"
    "  aotc-exec add.aotc --invoke add 40 -2\n";

struct options {
  const char* file;
  const char* name;
  size_t dir_count, env_count, listener_count;
  struct aotc_wasi_dir dirs[kMaxOption];
  const char* env[kMaxOption];
  const char* secrets[kMaxOption];
  size_t secret_count;
  int listeners[kMaxOption];
  uint64_t timeout; /* nanoseconds, 0 for none */
  uint64_t max_memory;
  const char* invoke;
  char** invoke_args;
  int invoke_count;
  char** args; /* of the program, without its name */
  int arg_count;
  bool verify, gdb, cold;
  const char* freeze;
  const char* warmup[kMaxOption];
  size_t warmup_count;
  size_t freeze_listeners;
  bool rehearse;
};

static _Noreturn void usage_error(const char* what, const char* value) {
  fprintf(stderr, "aotc-exec: %s: %s\n", what, value);
  exit(kExitUsage);
}

/* Whether a pipe that nobody reads ends us. Sockets of the guest get EPIPE either way. */
static bool sigpipe;

static int finish(void) { return aotc_finish_stdout("aotc-exec") ? 0 : kExitCannotRun; }

static uint64_t parse_quantity(const char* option, const char* text, enum aotc_quantity_kind kind, uint64_t least, uint64_t most) {
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
  if (freeze_sandbox_text == NULL) usage_error("--print-sandbox", "not in this aotc-exec, which was built without libseccomp");
  char* text = freeze_sandbox_text(process);
  if (text == NULL) usage_error("--print-sandbox: no such process", process);
  fputs(text, stdout);
  free(text);
  exit(finish());
}

static void parse(int argc, char** argv, struct options* o) {
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

static const uint8_t* type_of(const struct aotc_artifact* artifact, const struct aotc_export* e, uint32_t* params,
                              uint32_t* results) {
  const struct aotc_header* h = aotc_artifact_header(artifact);
  const uint8_t* file = (const uint8_t*)h - AOTC_HEADER_OFFSET;
  if (e->type >= h->types.count) return NULL;
  const struct aotc_type* type = (const struct aotc_type*)(const void*)(file + h->types.offset) + e->type;
  if ((uint64_t)type->first + type->params + type->results > h->type_bytes.count) return NULL;
  *params = type->params;
  *results = type->results;
  return file + h->type_bytes.offset + type->first;
}

/* Signed or unsigned, decimal or 0x. */
static uint64_t parse_integer(const char* text, char** end) {
  const char* digits = text + (text[0] == '-');
  if (!isdigit((unsigned char)digits[0])) return *end = (char*)text, 0; /* strtoull would take " -+1" */
  int base = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
  return text[0] == '-' ? (uint64_t)strtoll(text, end, base) : strtoull(text, end, base);
}

static struct aotc_value parse_value(const char* text, uint8_t type) {
  struct aotc_value value = {{0, 0}};
  char* end = NULL;
  errno = 0;
  float f;
  double d;
  switch (type) {
    case AOTC_I32:
    case AOTC_I64:
      value.word[0] = parse_integer(text, &end);
      if (type == AOTC_I32) {
        int64_t n = (int64_t)value.word[0];
        if (n < INT32_MIN || n > UINT32_MAX) errno = ERANGE;
        value.word[0] &= UINT32_MAX;
      }
      break;
    case AOTC_F32:
      f = strtof(text, &end);
      errno = 0;
      memcpy(value.word, &f, sizeof(f));
      break;
    case AOTC_F64:
      d = strtod(text, &end);
      errno = 0;
      memcpy(value.word, &d, sizeof(d));
      break;
    default:
      usage_error("--invoke: cannot pass an argument of this type", text);
  }
  if (end == text || *end != 0 || errno != 0) usage_error("--invoke: not a number of the parameter's type", text);
  return value;
}

static void print_value(const struct aotc_value* value, uint8_t type) {
  float f;
  double d;
  switch (type) {
    case AOTC_I32:
      printf("%" PRId32 "\n", (int32_t)value->word[0]);
      break;
    case AOTC_I64:
      printf("%" PRId64 "\n", (int64_t)value->word[0]);
      break;
    case AOTC_F32:
      memcpy(&f, value->word, sizeof(f));
      printf("%.9g\n", (double)f);
      break;
    case AOTC_F64:
      memcpy(&d, value->word, sizeof(d));
      printf("%.17g\n", d);
      break;
    case AOTC_V128:
      printf("0x%016" PRIx64 "%016" PRIx64 "\n", value->word[1], value->word[0]);
      break;
    default:
      if ((uint32_t)value->word[0] == 0)
        puts("null");
      else
        printf("function %" PRIu32 "\n", (uint32_t)value->word[0] - 1);
  }
}

static void print_function(const struct aotc_artifact* artifact, uint32_t code) {
  const char* name = aotc_artifact_symbol(artifact, code);
  uint32_t index = aotc_artifact_function_index(artifact, code);
  if (strcmp(name, "?") != 0 || index == AOTC_NONE)
    fputs(name, stderr);
  else
    fprintf(stderr, "function %" PRIu32, index);
}

static void print_trap(const struct aotc_instance* instance) {
  const struct aotc_trap_info* trap = aotc_instance_trap(instance);
  const struct aotc_artifact* artifact = aotc_instance_artifact(instance);
  fprintf(stderr, "trap: %s", aotc_trap_message(trap->trap));
  if (trap->trap == AOTC_TRAP_OUT_OF_BOUNDS_MEMORY && trap->address != 0)
    fprintf(stderr, " at address 0x%" PRIx64, trap->address);
  if (trap->frames > 0) {
    fputs(" in ", stderr);
    print_function(artifact, trap->code[0]);
  }
  if (trap->wasm_offset != AOTC_NONE) fprintf(stderr, ", wasm offset 0x%" PRIx32, trap->wasm_offset);
  fputc('\n', stderr);
  for (uint32_t i = 0; i < trap->frames; ++i) {
    /* Thunks around the module's functions. */
    if (aotc_artifact_function_index(artifact, trap->code[i]) == AOTC_NONE) continue;
    fputs("    at ", stderr);
    print_function(artifact, trap->code[i]);
    fputc('\n', stderr);
  }
  if (trap->truncated) fputs("    ...\n", stderr);
}

/* Ends the program unless the call simply returned. */
static void finish_unless_ok(enum aotc_status status, const struct aotc_instance* instance,
                             const struct aotc_error* error) {
  if (status == AOTC_OK) return;
  fflush(stdout);
  if (status == AOTC_EXITED) exit(aotc_instance_exit_code(instance));
  if (status == AOTC_TRAPPED) {
    print_trap(instance);
    exit(kExitTrap);
  }
  fprintf(stderr, "aotc-exec: %s\n", error->message);
  exit(kExitCannotRun);
}

static _Noreturn void cannot_run(enum aotc_status status, const struct aotc_error* error) {
  fprintf(stderr, "%s%s\n", status == AOTC_TRAPPED ? "trap: " : "aotc-exec: ", error->message);
  exit(status == AOTC_TRAPPED ? kExitTrap : kExitCannotRun);
}

static void invoke(struct aotc_instance* instance, const struct options* o) {
  const struct aotc_artifact* artifact = aotc_instance_artifact(instance);
  const struct aotc_export* function = aotc_artifact_export(artifact, o->invoke, AOTC_EXPORT_FUNCTION);
  struct aotc_error error;
  if (function == NULL) {
    fprintf(stderr, "aotc-exec: %s: no exported function \"%s\"\n", o->name, o->invoke);
    exit(kExitCannotRun);
  }
  uint32_t params = 0, results = 0;
  const uint8_t* types = type_of(artifact, function, &params, &results);
  if (types != NULL && (uint32_t)o->invoke_count != params) {
    fprintf(stderr, "aotc-exec: %s: \"%s\" takes %u arguments, %d given\n", o->name, o->invoke, params,
            o->invoke_count);
    exit(kExitUsage);
  }
  struct aotc_value* values = calloc((size_t)params + results + 1, sizeof(*values));
  if (values == NULL) abort();
  for (uint32_t i = 0; i < params; ++i) values[i] = parse_value(o->invoke_args[i], types[i]);
  finish_unless_ok(aotc_instance_call(instance, function, values, values + params, &error), instance, &error);
  if (sigpipe) signal(SIGPIPE, SIG_DFL);
  for (uint32_t i = 0; i < results; ++i) print_value(&values[params + i], types[params + i]);
  free(values);
}

/* Goes on from the snapshot; returns when a reactor is ready to be called. */
static void thaw(struct aotc_instance* instance) {
  struct aotc_error error;
  finish_unless_ok(aotc_instance_thaw(instance, &error), instance, &error);
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

/* Opening the snapshot's file empties it. */
static bool is_same_file(const char* a, const char* b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static const char* secret_of_ours(const char* name) {
  const char* value = getenv(name);
  if (value == NULL) usage_error("--secret-env: there is no such variable", name);
  char* variable = new_variable(name, strlen(name), strlen(value));
  strcpy(variable + strlen(name) + 1, value);
  return variable;
}

int main(int argc, char** argv) {
  static struct options o = {.freeze_listeners = 1};
  struct aotc_error error;
  enum aotc_status status;
  aotc_begin_program();
  parse(argc, argv, &o);
  if (o.freeze != NULL && is_same_file(o.freeze, o.file)) usage_error("--freeze: would replace the artifact", o.freeze);
  const char* gdb = getenv("AOTC_GDB");
  if (o.gdb || (gdb != NULL && strcmp(gdb, "0") != 0 && gdb[0] != 0)) aotc_debugger_enable();
  sigpipe = signal(SIGPIPE, SIG_IGN) != SIG_IGN;

  /* Static, so that leak checkers see them: the system takes everything back at the end, faster than we could. */
  static struct aotc_artifact* artifact;
  static struct aotc_wasi* wasi;
  static struct aotc_instance* instance;
  static const char** guest_argv;
  guest_argv = calloc((size_t)o.arg_count + 2, sizeof(*guest_argv));
  if (guest_argv == NULL) abort();
  guest_argv[0] = o.name;
  for (int i = 0; i < o.arg_count; ++i) guest_argv[i + 1] = o.args[i];
  for (size_t i = 0; i < o.secret_count; ++i)
    o.secrets[i] = o.freeze != NULL ? withheld_secret(o.secrets[i]) : secret_of_ours(o.secrets[i]);
  struct aotc_wasi_options wasi_options = {.argc = o.arg_count + 1,
                                           .argv = guest_argv,
                                           .env_count = o.env_count,
                                           .env = o.env,
                                           .secret_count = o.secret_count,
                                           .secrets = o.secrets,
                                           .dir_count = o.dir_count,
                                           .dirs = o.dirs,
                                           .listener_count = o.listener_count,
                                           .listeners = o.listeners,
                                           .stdio = {0, 1, 2},
                                           .sigpipe = sigpipe};
  if (o.freeze != NULL) {
    wasi_options.listener_count = o.freeze_listeners;
    struct freeze_options freeze = {.file = o.file, .name = o.name, .out = o.freeze, .verify = o.verify,
                                    .nanoseconds = o.timeout, .memory = o.max_memory, .wasi = &wasi_options,
                                    .rehearse = o.rehearse, .warmup_count = o.warmup_count, .warmup = o.warmup};
    if (freeze_program == NULL) usage_error("--freeze", "not in this aotc-exec, which was built without libseccomp");
    return freeze_program(&freeze);
  }
  if ((status = aotc_runtime_init(&error)) != AOTC_OK) cannot_run(status, &error);
  if ((status = aotc_load(o.file, &artifact, &error)) != AOTC_OK) cannot_run(status, &error);
  if (o.verify && (status = aotc_artifact_verify(artifact, &error)) != AOTC_OK) cannot_run(status, &error);
  if ((status = aotc_wasi_create(&wasi_options, &wasi, &error)) != AOTC_OK) cannot_run(status, &error);

  const struct aotc_hosts hosts = aotc_one_host(aotc_wasi_host(wasi));
  bool from_snapshot = !o.cold && aotc_snapshot_matches(artifact, &hosts);
  struct aotc_instance_options options = {.max_memory = o.max_memory, .hosts = hosts, .thaw = from_snapshot};
  if ((status = aotc_instance_create(artifact, &options, &instance, &error)) != AOTC_OK) cannot_run(status, &error);
  if (o.timeout != 0 && (status = aotc_instance_set_deadline(instance, o.timeout, &error)) != AOTC_OK)
    cannot_run(status, &error);
  if (from_snapshot) {
    thaw(instance);
    if (o.invoke != NULL) invoke(instance, &o);
    return finish();
  }
  finish_unless_ok(aotc_instance_start(instance, &error), instance, &error);

  /* A command is run; a reactor is initialised, so that its exports can be invoked. */
  const struct aotc_export* command = aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION);
  const struct aotc_export* reactor = aotc_artifact_export(artifact, "_initialize", AOTC_EXPORT_FUNCTION);
  const struct aotc_export* entry = o.invoke == NULL && command != NULL ? command : reactor;
  if (entry != NULL) {
    uint32_t params = 0, results = 0;
    if (type_of(artifact, entry, &params, &results) == NULL || params + results != 0) {
      fprintf(stderr, "aotc-exec: %s: the entry point takes arguments\n", o.name);
      return kExitCannotRun;
    }
    status = aotc_instance_call(instance, entry, NULL, NULL, &error);
    finish_unless_ok(status, instance, &error);
  } else if (o.invoke == NULL) {
    fprintf(stderr, "aotc-exec: %s: exports neither _start nor _initialize; call an export with --invoke\n", o.name);
    return kExitCannotRun;
  }
  if (o.invoke != NULL) invoke(instance, &o);
  return finish();
}
