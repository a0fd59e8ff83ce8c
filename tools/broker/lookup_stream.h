// lookup_stream.h - finding the addresses of a name that a program may reach: for itself, or to connect there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "broker.h"
#include "stream.h"

// Asks for the addresses of a name, and leaves out those that it may not lead to.
class Finding : public Stream {
 public:
  Finding(Program& program, uint32_t number, Broker& broker, App& app, std::string name, std::string target)
      : Stream(program, number), broker_(broker), app_(app), name_(std::move(name)), target_(std::move(target)) {}
  void start();

  void data(std::string_view bytes) override;
  void end() override;
  void resume() override {}

 protected:
  virtual void on_found(const std::vector<aotc::AddressBytes>& addresses) = 0;
  Broker& broker_;
  App& app_;
  const std::string name_;

 private:
  void take(const Resolver::Found& found);
  const std::string target_;
};

// Tells the program, and remembers that it did.
class LookupStream final : public Finding {
 public:
  LookupStream(Program& program, uint32_t number, Broker& broker, App& app, const std::string& name)
      : Finding(program, number, broker, app, name, name) {}
  void end() override {}

 private:
  void on_found(const std::vector<aotc::AddressBytes>& addresses) override;
};

// Goes on to something else, which takes its place.
class ConnectStream final : public Finding {
 public:
  using Then = std::function<void(const std::vector<aotc::AddressBytes>&)>;
  ConnectStream(Program& program, uint32_t number, Broker& broker, App& app, const std::string& name,
                const std::string& target, Then then)
      : Finding(program, number, broker, app, name, target), then_(std::move(then)) {}

 private:
  void on_found(const std::vector<aotc::AddressBytes>& addresses) override;
  const Then then_;
};
