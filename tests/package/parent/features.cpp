#include "ssl/data/gzip.hpp"

std::size_t unpacked(const std::vector<std::uint8_t>& bytes) { return ssl::gunzip{}(bytes, "bytes").size(); }
