// option_table.h - the options of `aotc-node serve`, one row each: from here they reach the command line, the file
// (config_file.cpp), its JSON schema and --help, which man page and completions of shells are made of.
//
// On the command line the option is --NAME, in the file the key NAME. What is said of one app is there NAME=..., here
// it stands below `apps: NAME:`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "options.h"
#include "settings.h"
#include "support/quantity.h"

struct OptionRow {
  const char* name;
  const char* argument = nullptr;  // what a value is called; null: there is none, it is said or not
  enum class Of {
    Node,     // the whole node
    EachApp,  // all apps; in the file also one of them
    OneApp    // one of them
  } of = Of::Node;
  enum class Times { Once, Many, ByName } times = Times::Once;
  enum class Form { Alone, AppFirst, AppLast } form = Form::Alone;  // of a value on the command line that names an app
  const char* key = nullptr;                                        // in the file, if it is another
  const char* group = "";                                           // under which --help has it
  const char* standard = "";  // in words, where it is not to be read from the default
  bool live = false;          // of the node, and may change while it serves
  bool routes = false;        // says which requests an app gets: its processes do not go by it
  // A quantity has a range, and a place in what it is said of.
  aotc_quantity_kind kind = AOTC_COUNT;
  uint64_t least = 0, most = 0;
  uint64_t* (*in_node)(Options& options) = nullptr;
  uint64_t* (*in_app)(App& app) = nullptr;
  // All others are taken by a function.
  void (*take_node)(Options& options, Served& served, const Setting& setting) = nullptr;
  void (*take_app)(App& app, const Setting& setting) = nullptr;
  const char* help = "";

  // Of an app that has a canary, and not of that.
  bool is_own() const { return routes && of == Of::OneApp; }
  bool is_quantity() const { return in_node != nullptr || in_app != nullptr; }
  const char* file_key() const { return key != nullptr ? key : name; }
};

// Beside --help, --version and what is no row: a file holds all that rows can say.
constexpr const char* kFileOption = "file";
constexpr const char* kCheckOption = "check-config";

std::span<const OptionRow> option_table();
const OptionRow* find_option(std::string_view name);

// Whether what is said of an app is a server, http://HOST[:PORT] or https://HOST[:PORT], and nothing that can be run.
bool is_origin(const std::string& artifact);

// What the quantity is when nothing is said; empty when that depends.
std::string standard_of(const OptionRow& row);

std::string help_text();    // --help, from which man page and completions of shells are made
std::string schema_text();  // of the file: --print-schema
