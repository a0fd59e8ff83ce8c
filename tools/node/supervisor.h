// supervisor.h - the process that the operator starts. It keeps the operator's rights, so it touches nothing of a
// stranger's: it opens the listeners, starts the other processes, hands them the descriptors by which they speak to
// each other, and notices when they end.
//
//   supervisor ──▶ front (front.h): HTTP, and who is to run when; asks for processes by control.h
//       ├────────▶ tenants (tenant.h): a process per app and release, with its channels to the front
//       ├────────▶ pullers (pull.h): a process per app from a registry, with its socket to the front
//       └────────▶ the broker (tools/broker): makes connections for programs, with channels to tenants; from when an
//                  app needs it
//
// At SIGHUP it reads the operator's file again, if there is one. What that says is checked here; the front decides when
// it takes over, for it knows when new apps are ready.
//
// Who has the front in hand can ask for what is configured, at a bounded rate, and end it. If the front ends by itself
// all others are ended and a new one begins; connections wait in the listeners meanwhile.
#pragma once

#include <sys/types.h>
#include <map>
#include <string>
#include <vector>

#include "control.h"
#include "options.h"
#include "tenant_limits.h"
#include "users.h"

class Supervisor {
 public:
  explicit Supervisor(Told told);
  ~Supervisor();
  // Until the node is stopped; returns the exit code.
  int run();

 private:
  struct Child {
    uint32_t number, app;
    bool puller, brokered;
  };
  struct BrokerApp {  // as the broker has been told of it
    uint32_t number;
    std::vector<std::string> words;
  };
  struct Starts {  // of one app's processes, in the present minute
    uint64_t minute = 0;
    unsigned count = 0;
  };

  bool open_listeners(std::string& error);
  bool start_front();
  void on_signals();
  void reload();
  void read_file_again();
  void check_change(const std::vector<Setting>& settings, const Options& next) const;
  void on_ended(pid_t pid, int status);
  void on_front_ended(int status);
  void on_message(const ControlMessage& message);
  void start(const ControlMessage& message);
  std::string refusal(const ControlMessage& message);
  int start_tenant(const App& app, const ControlMessage& message, std::vector<int>& ends, pid_t* pid);
  int start_broker();
  int tell_broker(const App& app);
  int give_to_broker(const App& app, const std::vector<int>& channels);
  void on_broker_ended(int status);
  int start_puller(const App& app, const ControlMessage& message, std::vector<int>& ends, pid_t* pid);
  void serve_front();
  void give_up_front();
  void end_children();

  const std::string file_;
  std::vector<Setting> settings_;
  const Options options_;  // but for `served`
  std::shared_ptr<const Served> served_;
  std::map<std::string, uint32_t> places_;  // of all apps that there were while this front runs
  Users users_;
  TenantLimits limits_;
  std::vector<int> listeners_;
  int signals_ = -1;
  ControlSocket control_;
  pid_t front_ = -1;
  std::string broker_program_;
  pid_t broker_ = -1;
  int broker_socket_ = -1;
  int counts_ = -1;                            // of all apps, by the broker (support/outbound_counts.h)
  std::map<uint32_t, BrokerApp> broker_apps_;  // by their places
  uint32_t broker_numbers_ = 0;
  std::map<pid_t, Child> children_;
  std::map<uint32_t, Starts> starts_;
  bool up_ = false;  // every app from a file has come up once
  bool draining_ = false, done_ = false, asked_reload_ = false;
  int exit_code_ = 0;
  uint64_t started_at_ = 0, retry_at_ = 0, backoff_ = 0, reload_at_ = 0, end_front_at_ = ~0ull;
};
