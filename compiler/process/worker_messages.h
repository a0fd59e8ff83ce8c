// worker_messages.h - what passes between worker.cpp and worker_process.cpp. Private to these two.
#pragma once

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "worker.h"

namespace aotc {

// A worker's descriptors.
constexpr int kInput = 0, kMessages = 1, kOutput = 3, kSnapshot = 4, kGroup = 5, kCache = 6;
constexpr char kWorkerWord[] = "worker";

enum class WorkerTask : uint8_t { Compile, Recompile, Attach };

struct WorkerJob {
  CompileOptions compile;
  WorkerTask task = WorkerTask::Compile;
  WorkerLimits limits;
  int parent = 0;
  bool in_group = false;
  bool cached = false;
};

int run_worker(const WorkerJob& job);

inline nlohmann::json to_json(const WorkerJob& job) {
  return {{"name", job.compile.module_name},
          {"architecture", static_cast<int>(job.compile.architecture)},
          {"cpu", job.compile.cpu},
          {"tier", static_cast<int>(job.compile.tier)},
          {"imports", static_cast<int>(job.compile.imports)},
          {"jobs", job.compile.jobs},
          {"task", static_cast<int>(job.task)},
          {"memory_bytes", job.limits.memory_bytes},
          {"cpu_seconds", job.limits.cpu_seconds},
          {"file_bytes", job.limits.file_bytes},
          {"parent", job.parent},
          {"in_group", job.in_group},
          {"cached", job.cached}};
}

inline WorkerJob job_from_json(const nlohmann::json& json) {
  WorkerJob job;
  job.compile.module_name = json.at("name");
  job.compile.architecture = static_cast<Architecture>(json.at("architecture").get<int>());
  job.compile.cpu = json.at("cpu");
  job.compile.tier = static_cast<Tier>(json.at("tier").get<int>());
  job.compile.imports = static_cast<Imports>(json.at("imports").get<int>());
  job.compile.jobs = json.at("jobs");
  job.task = static_cast<WorkerTask>(json.at("task").get<int>());
  job.limits.memory_bytes = json.at("memory_bytes");
  job.limits.cpu_seconds = json.at("cpu_seconds");
  job.limits.file_bytes = json.at("file_bytes");
  job.parent = json.at("parent");
  job.in_group = json.at("in_group");
  job.cached = json.at("cached");
  return job;
}

inline nlohmann::json to_json(const CompileStats& stats) {
  nlohmann::json phases = nlohmann::json::array();
  for (const PhaseTime& phase : stats.phases) phases.push_back({phase.phase, phase.wall_seconds, phase.cpu_seconds});
  return {{"functions", stats.functions},
          {"wasm_bytes", stats.wasm_bytes},
          {"code_bytes", stats.code_bytes},
          {"artifact_bytes", stats.artifact_bytes},
          {"reduced", stats.reduced_functions},
          {"plain", stats.plain_functions},
          {"codegen_runs", stats.codegen_runs},
          {"quick", stats.quick_functions},
          {"cached", stats.cached_functions},
          {"cached_bytes", stats.cached_bytes},
          {"body_bytes", stats.body_bytes},
          {"go", stats.go_shaped},
          {"phases", phases}};
}

// Hostile: what has another shape counts as nothing.
inline CompileStats stats_from_json(const nlohmann::json& json) {
  auto number = [&json](const char* key) -> size_t {
    auto found = json.find(key);
    return found != json.end() && found->is_number_unsigned() ? found->get<size_t>() : 0;
  };
  CompileStats stats;
  stats.functions = number("functions");
  stats.wasm_bytes = number("wasm_bytes");
  stats.code_bytes = number("code_bytes");
  stats.artifact_bytes = number("artifact_bytes");
  stats.reduced_functions = number("reduced");
  stats.plain_functions = number("plain");
  stats.codegen_runs = number("codegen_runs");
  stats.quick_functions = number("quick");
  stats.cached_functions = number("cached");
  stats.cached_bytes = number("cached_bytes");
  stats.body_bytes = number("body_bytes");
  stats.go_shaped = json.value("go", nlohmann::json()) == true;
  for (const nlohmann::json& phase : json.value("phases", nlohmann::json::array()))
    if (phase.is_array() && phase.size() == 3 && phase[0].is_string() && phase[1].is_number() && phase[2].is_number())
      stats.phases.push_back({phase[0], phase[1], phase[2]});
  return stats;
}

}  // namespace aotc
