// listen.h - opens the sockets that clients connect to. The supervisor does, the front only accepts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Whether open_listeners() knows what it means.
bool is_listen_address(const std::string& address, std::string& error);
// `address` is numeric, like 127.0.0.1:80, :80 or [::1]:80. Opens `count` sockets of it, to which the kernel deals
// connections out, and appends them to `listeners`. False when that fails.
bool open_listeners(const std::string& address, uint64_t count, std::vector<int>& listeners, std::string& error);
// Where it listens, with the port that the kernel chose.
std::string shown_address(int listener);
