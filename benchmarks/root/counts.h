// What every program counts: dimuon_2023 on features rounded to float once, the plane after every cut, and every cut
// variable without its cut. Shared by the programs of both layouts.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bench {

constexpr int n_cuts = 18;
constexpr int plane_bins = 150;
constexpr double plane_high = 150.;

enum Feature {
  trigger_physics, bad_spill, master_time, srd_0, srd_1, srd_2, track_momentum, track_pvalue, track_angle,
  straw3_x, straw3_y, vhcal_total, straw4_x, straw4_y, ecal_max_in_beam_cell, ecal_total, ecal_out_of_time,
  preshower_total, ecal_ratio, shower_chi2, hcal_out_of_time, hcal_3_total, hcal_topology_bad, hcal_0, hcal_1, hcal_2,
  ecal, hcal, n_features
};

const std::array<std::string, n_features> feature_names{
  "trigger_physics", "bad_spill", "master_time", "srd_0", "srd_1", "srd_2", "track_momentum", "track_pvalue",
  "track_angle", "straw3_x", "straw3_y", "vhcal_total", "straw4_x", "straw4_y", "ecal_max_in_beam_cell", "ecal_total",
  "ecal_out_of_time", "preshower_total", "ecal_ratio", "shower_chi2", "hcal_out_of_time", "hcal_3_total",
  "hcal_topology_bad", "hcal_0", "hcal_1", "hcal_2", "ecal", "hcal"};

const std::array<std::string, n_cuts> cut_names{
  "trigger", "bad_spill", "master_time", "srd", "track_quality", "momentum", "angle", "straw3", "vhcal", "straw4",
  "ecal_centre", "ecal_energy", "ecal_ratio", "shower_chi2", "hcal_out_of_time", "hcal3", "hcal_topology", "dimuon"};

using Bad = std::set<std::pair<unsigned, unsigned>>;  // run, spill; the public list is empty

// The axis of a cut variable: one line "cut feature bins low high" of the file of axes.
struct Axis {
  int cut, feature, bins;
  double low, high;

  int bin(float value) const {
    const double z = (double(value) - low) / (high - low);
    return z < 0. ? 0 : z < 1. ? 1 + int(z * bins) : bins + 1;  // nan is in the overflow
  }
};

inline std::vector<Axis> read_axes(const std::string &path) {
  std::vector<Axis> axes;
  std::ifstream stream(path);
  std::string cut, feature;
  Axis axis;
  while (stream >> cut >> feature >> axis.bins >> axis.low >> axis.high) {
    for (axis.cut = 0; cut_names.at(axis.cut) != cut;) ++axis.cut;
    for (axis.feature = 0; feature_names.at(axis.feature) != feature;) ++axis.feature;
    axes.push_back(axis);
  }
  return axes;
}

inline bool between(float low, float value, float high) { return low < value && value < high; }
inline bool hits_ok(float x, float y) { return 1.f <= x && x <= 5.f && 1.f <= y && y <= 5.f; }

// Integers of a program, and checksums of its histograms: the sum of (bin number + 1) * content.
struct Counts {
  std::array<std::int64_t, n_cuts + 1> passed{};
  std::array<std::int64_t, n_cuts> n_minus_one{};
  std::uint64_t plane = 0, variables = 0, plane_number = 0, variable_number = 0;
  std::int64_t runs = 0;

  void add_plane(std::int64_t content) { plane += ++plane_number * std::uint64_t(content); }
  void add_variable(std::int64_t content) { variables += ++variable_number * std::uint64_t(content); }

  std::string json() const {
    std::ostringstream text;
    text << "{" << list("passed", passed) << ", " << list("n_minus_one", n_minus_one) << ", \"runs\": " << runs
         << ", \"plane\": " << plane << ", \"variables\": " << variables << "}";
    return text.str();
  }

  // Of a program that counts what passes and nothing else.
  std::string flow() const { return "{" + list("passed", passed) + "}"; }

private:
  template <std::size_t n>
  static std::string list(const std::string &name, const std::array<std::int64_t, n> &numbers) {
    std::ostringstream text;
    text << '"' << name << "\": [";
    for (std::size_t i = 0; i < n; ++i) text << (i ? ", " : "") << numbers[i];
    text << "]";
    return text.str();
  }
};

// Everything a fused program fills, event by event.
class Tally {
public:
  explicit Tally(std::vector<Axis> axes) : axes_(std::move(axes)), plane_((n_cuts + 1) * stride * stride) {
    for (const auto &axis : axes_) variables_.emplace_back(axis.bins + 2);
  }

  void fill(const float *f, unsigned run) {
    const std::uint32_t failed = failures(f);
    const int first = failed ? __builtin_ctz(failed) : n_cuts;
    ++plane_[(std::size_t(first) * stride + plane_bin(f[ecal])) * stride + plane_bin(f[hcal])];
    ++first_[first];
    if (failed & (failed - 1)) return;
    for (std::size_t i = 0; i < axes_.size(); ++i)
      if (!(failed & ~(1u << axes_[i].cut))) ++variables_[i][axes_[i].bin(f[axes_[i].feature])];
    for (int cut = 0; cut < n_cuts; ++cut) n_minus_one_[cut] += !(failed & ~(1u << cut));
    if (!failed) ++runs_[run % n_runs];
  }

  Counts counts() const {
    Counts result;
    for (int stage = 0; stage <= n_cuts; ++stage)
      for (int first = stage; first <= n_cuts; ++first) result.passed[stage] += first_[first];
    result.n_minus_one = n_minus_one_;
    for (int stage = 0; stage <= n_cuts; ++stage)
      for (std::size_t bin = 0; bin < stride * stride; ++bin) {
        std::int64_t content = 0;
        for (int first = stage; first <= n_cuts; ++first) content += plane_[first * stride * stride + bin];
        result.add_plane(content);
      }
    for (const auto &variable : variables_)
      for (auto content : variable) result.add_variable(content);
    for (auto yield : runs_) result.runs += yield;
    return result;
  }

private:
  static constexpr std::size_t stride = plane_bins + 2;
  static constexpr unsigned n_runs = 10000;

  static int plane_bin(float value) {
    const double z = double(value) / plane_high;
    return z < 0. ? 0 : z < 1. ? 1 + int(z * plane_bins) : plane_bins + 1;
  }

  static std::uint32_t failures(const float *f) {
    const bool pass[n_cuts] = {
      f[trigger_physics] == 1.f,
      f[bad_spill] == 0.f,
      86.5f <= f[master_time] && f[master_time] <= 113.5f,
      between(.001f, f[srd_0], .08f) && between(.001f, f[srd_1], .08f) && between(.001f, f[srd_2], .08f),
      between(0.f, f[track_momentum], 9999.f) && f[track_pvalue] > .01f,
      between(90.f, f[track_momentum], 110.f),
      between(-.003f, f[track_angle], .003f),
      hits_ok(f[straw3_x], f[straw3_y]),
      f[vhcal_total] < 1.5f,
      hits_ok(f[straw4_x], f[straw4_y]),
      f[ecal_max_in_beam_cell] == 1.f,
      f[ecal_total] < 120.f && f[ecal_out_of_time] < 30.f && f[preshower_total] > .7f,
      f[ecal_ratio] < .06f,
      f[shower_chi2] < 100.f,
      f[hcal_out_of_time] < 50.f,
      f[hcal_3_total] < 2.f,
      f[hcal_topology_bad] == 0.f,
      between(4.f, f[hcal_0], 8.f) && between(4.f, f[hcal_1], 8.f) && between(4.f, f[hcal_2], 8.f)};
    std::uint32_t failed = 0;
    for (int cut = 0; cut < n_cuts; ++cut) failed |= std::uint32_t(!pass[cut]) << cut;
    return failed;
  }

  std::vector<Axis> axes_;
  std::vector<std::int64_t> plane_;
  std::vector<std::vector<std::int64_t>> variables_;
  std::array<std::int64_t, n_cuts + 1> first_{};
  std::array<std::int64_t, n_cuts> n_minus_one_{};
  std::vector<std::int64_t> runs_ = std::vector<std::int64_t>(n_runs);
};

// The features made of the calibrated energies of the cells, any time and in time; for fused programs.
inline void sum_cells(const double *e, const double *t, const double *h, const double *ht, float *f) {
  double preshower = 0, main = 0, preshower_any = 0, main_any = 0, inner_preshower = 0, inner_main = 0, best = 0;
  int largest = -1;
  for (int cell = 0; cell < 30; ++cell) {
    preshower += t[cell];
    main += t[30 + cell];
    preshower_any += e[cell];
    main_any += e[30 + cell];
    if (t[30 + cell] > best) best = t[30 + cell], largest = cell;
  }
  for (int x = 1; x <= 3; ++x)
    for (int y = 1; y <= 3; ++y) inner_preshower += t[x * 6 + y], inner_main += t[30 + x * 6 + y];
  const double in_time = preshower + main, any = preshower_any + main_any, inner = inner_preshower + inner_main;
  f[ecal] = in_time;
  f[ecal_total] = any;
  f[ecal_out_of_time] = any - in_time;
  f[preshower_total] = preshower_any;
  f[ecal_max_in_beam_cell] = largest == 14;
  f[ecal_ratio] = in_time > 0 ? (in_time - inner) / in_time : std::numeric_limits<double>::infinity();
  double module[4] = {}, module_any[4] = {};
  for (int cell = 0; cell < 36; ++cell) module[cell / 9] += ht[cell], module_any[cell / 9] += h[cell];
  bool struck = false;
  for (int cell = 0; cell < 9; ++cell) struck |= ht[cell] > .5;
  f[hcal] = module[0] + module[1];
  f[hcal_0] = module[0];
  f[hcal_1] = module[1];
  f[hcal_2] = module[2];
  f[hcal_3_total] = module_any[3];
  f[hcal_out_of_time] = (module_any[0] + module_any[1] + module_any[2]) - (module[0] + module[1]);
  f[hcal_topology_bad] = struck && !(module[0] < 2. * ht[4]);
}

}  // namespace bench
