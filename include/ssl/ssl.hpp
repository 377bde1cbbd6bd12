#pragma once
/// Everything that needs no more than the standard library. Add a backend: "ssl/backend/eigen.hpp".
