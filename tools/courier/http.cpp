// http.cpp - a remote that takes GET and PUT of BASE/aotc/f1/<2 hex>/<30 hex>, as a WebDAV folder does, and the caches
// of ccache, sccache and Bazel: over several connections at once, or one of HTTP/2. libcurl speaks it.
#include <algorithm>
#include <deque>
#include <set>
#include <vector>

#include "cache/courier_channel.h"
#include "remote.h"
#include "transfer.h"

namespace aotc {

namespace {

constexpr size_t kMostAtOnce = 64;
constexpr long kMostConnections = 16;

// Of the request that finds out whether the remote is there.
constexpr uint32_t kOnlyToKnow = kCourierCounted;

struct Request {
  bool is_put = false;
  uint32_t number = 0;
  std::string url, value;  // to send, or what has come
  bool too_large = false;
};

// A handle that is used again and again.
struct Carrier {
  char failure[CURL_ERROR_SIZE] = {};
  Transfer transfer{nullptr, curl_easy_cleanup};
  Request request;
};

class Http : public Remote {
 public:
  Http(const RemoteOptions& options, Requester& requester)
      : options_(options), requester_(requester), transfers_(options_), multi_(curl_multi_init(), curl_multi_cleanup) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, kMostConnections);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS, kMostConnections);
    headers_.reset(curl_slist_append(nullptr, "Content-Type: application/octet-stream"));
    headers_.reset(curl_slist_append(headers_.release(), "Expect:"));
  }
  ~Http() override {
    for (const std::unique_ptr<Carrier>& carrier : carriers_)
      curl_multi_remove_handle(multi_.get(), carrier->transfer.get());
  }

  void get(uint32_t number, const std::string& key) override {
    queue_.push_back({false, number, url_of(key), "", false});
  }

  void put(const std::string& key, std::string value) override {
    queue_.push_back({true, 0, url_of(key), std::move(value), false});
  }

  // There is no way to ask for it.
  void count() override { get(kOnlyToKnow, std::string(2 * kCourierKey, '0')); }

  size_t waiting() const override { return queue_.size() + carriers_.size() - idle_.size(); }

  bool step(pollfd& other, int milliseconds, std::string& error) override {
    if (!start_waiting(error)) return false;
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    if (!take_finished(error)) return false;
    if (!queue_.empty() && !idle_.empty()) milliseconds = 0;
    auto flag = [&](short of, short from, short to) { return static_cast<short>((of & from) != 0 ? to : 0); };
    curl_waitfd waited{other.fd,
                       static_cast<short>(flag(other.events, POLLIN, CURL_WAIT_POLLIN) |
                                          flag(other.events, POLLOUT, CURL_WAIT_POLLOUT)),
                       0};
    if (curl_multi_poll(multi_.get(), &waited, 1, milliseconds, nullptr) != CURLM_OK)
      return error = "cannot wait", false;
    // It does not tell of the end.
    pollfd now{other.fd, other.events, 0};
    poll(&now, 1, 0);
    other.revents = now.revents;
    curl_multi_perform(multi_.get(), &running);
    return take_finished(error);
  }

 private:
  std::string url_of(const std::string& key) const {
    const RemotePlace& place = options_.place;
    return (place.tls ? "https://" : "http://") + place.authority() + place.path + "/aotc/f1/" + key.substr(0, 2) +
           "/" + key.substr(2);
  }

  static size_t take_part(char* bytes, size_t one, size_t size, void* to) {
    auto& request = static_cast<Carrier*>(to)->request;
    request.too_large = request.too_large || request.value.size() + size > kMostCourierValue;
    if (request.too_large) return 0;
    // Of a PUT nobody wants to know.
    if (!request.is_put) request.value.append(bytes, one * size);
    return one * size;
  }

  std::unique_ptr<Carrier> make_carrier() {
    auto carrier = std::make_unique<Carrier>();
    carrier->transfer = transfers_.make(carrier->failure);
    CURL* easy = carrier->transfer.get();
    if (easy == nullptr) return nullptr;
    const RemotePlace& place = options_.place;
    if (!place.password.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      curl_easy_setopt(easy, CURLOPT_USERNAME, place.user.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, place.password.c_str());
    } else if (!options_.token.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
      curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, options_.token.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "aotc");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, place.tls ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_part);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, carrier.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, carrier.get());
    return carrier;
  }

  bool start_waiting(std::string& error) {
    while (!queue_.empty() && (!idle_.empty() || carriers_.size() < kMostAtOnce)) {
      if (idle_.empty()) {
        carriers_.push_back(make_carrier());
        if (!carriers_.back()) return error = "out of memory", false;
        idle_.push_back(carriers_.back().get());
      }
      Carrier& carrier = *idle_.back();
      idle_.pop_back();
      carrier.request = std::move(queue_.front());
      queue_.pop_front();
      CURL* easy = carrier.transfer.get();
      const Request& request = carrier.request;
      curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
      if (request.is_put) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.value.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.value.data());
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
      } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nullptr);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
      }
      if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) return error = "out of memory", false;
    }
    return true;
  }

  bool take_finished(std::string& error) {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      CURLcode code = message->data.result;
      Carrier* carrier = nullptr;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &carrier);
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      curl_multi_remove_handle(multi_.get(), easy);
      idle_.push_back(carrier);
      if (code != CURLE_OK && !carrier->request.too_large)
        return error = transfer_failure(code, carrier->failure), false;
      if (!settle(carrier->request, status, error)) return false;
      carrier->request = {};
    }
    return true;
  }

  bool settle(const Request& request, long status, std::string& error) {
    if (status == 401 || status == 407) return error = "it refuses the password: HTTP " + std::to_string(status), false;
    if (request.is_put) {
      requester_.settled(request.value.size(), status / 100 == 2 && !request.too_large);
      return true;
    }
    // What is not there may be said in many ways, also that nobody may see it; but a remote that fails is left alone.
    if (status / 100 != 2 && status / 100 != 4) return error = "it answers HTTP " + std::to_string(status), false;
    if (request.number == kOnlyToKnow)
      requester_.counted(kUncounted, kUncounted);
    else
      requester_.answer(request.number, status == 200 && !request.too_large ? std::string_view(request.value) : "");
    return true;
  }

  const RemoteOptions options_;
  Requester& requester_;
  TransferMaker transfers_;
  std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi_;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers_{nullptr, curl_slist_free_all};
  std::deque<Request> queue_;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  std::vector<Carrier*> idle_;
};

}  // namespace

std::unique_ptr<Remote> make_http(const RemoteOptions& options, Requester& requester, std::string&) {
  return std::make_unique<Http>(options, requester);
}

}  // namespace aotc
