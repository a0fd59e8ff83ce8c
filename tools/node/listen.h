// listen.h - opens the sockets that clients connect to. The supervisor does, the front only accepts.
#pragma once

#include <string>

// `address` is numeric, like 127.0.0.1:80, :80 or [::1]:80. Returns the descriptor, or -1.
int open_listener(const std::string& address, std::string& error);
// Where it listens, with the port that the kernel chose.
std::string shown_address(int listener);
