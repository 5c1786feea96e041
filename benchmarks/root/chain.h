// The end of programs of one lambda a quantity: filters with a histogram at each step and N-1 histograms, or counts only.
#pragma once
#include "counts.h"

#include <ROOT/RDataFrame.hxx>
#include <TH1D.h>
#include <TH2D.h>

namespace bench {

using Node = ROOT::RDF::RNode;

using Columns = std::vector<std::string>;

// The cuts in their order: a function gets the node so far, the name, the condition and its columns, and gives the next.
template <class Apply>
Node apply_cuts(Node df, Apply apply) {
  auto one = [](float x) { return x == 1.f; };
  auto none = [](float x) { return x == 0.f; };
  auto three = [](float low, float high) {
    return [=](float a, float b, float c) { return between(low, a, high) && between(low, b, high) && between(low, c, high); };
  };
  df = apply(df, "trigger", one, {"f_trigger_physics"});
  df = apply(df, "bad_spill", none, {"f_bad_spill"});
  df = apply(df, "master_time", [](float t) { return 86.5f <= t && t <= 113.5f; }, {"f_master_time"});
  df = apply(df, "srd", three(.001f, .08f), {"f_srd_0", "f_srd_1", "f_srd_2"});
  df = apply(df, "track_quality", [](float p, float q) { return between(0.f, p, 9999.f) && q > .01f; },
             {"f_track_momentum", "f_track_pvalue"});
  df = apply(df, "momentum", [](float p) { return between(90.f, p, 110.f); }, {"f_track_momentum"});
  df = apply(df, "angle", [](float a) { return between(-.003f, a, .003f); }, {"f_track_angle"});
  df = apply(df, "straw3", hits_ok, {"f_straw3_x", "f_straw3_y"});
  df = apply(df, "vhcal", [](float e) { return e < 1.5f; }, {"f_vhcal_total"});
  df = apply(df, "straw4", hits_ok, {"f_straw4_x", "f_straw4_y"});
  df = apply(df, "ecal_centre", one, {"f_ecal_max_in_beam_cell"});
  df = apply(df, "ecal_energy", [](float e, float late, float p) { return e < 120.f && late < 30.f && p > .7f; },
             {"f_ecal_total", "f_ecal_out_of_time", "f_preshower_total"});
  df = apply(df, "ecal_ratio", [](float r) { return r < .06f; }, {"f_ecal_ratio"});
  df = apply(df, "shower_chi2", [](float c) { return c < 100.f; }, {"f_shower_chi2"});
  df = apply(df, "hcal_out_of_time", [](float e) { return e < 50.f; }, {"f_hcal_out_of_time"});
  df = apply(df, "hcal3", [](float e) { return e < 2.f; }, {"f_hcal_3_total"});
  df = apply(df, "hcal_topology", none, {"f_hcal_topology_bad"});
  return apply(df, "dimuon", three(4.f, 8.f), {"f_hcal_0", "f_hcal_1", "f_hcal_2"});
}

inline Node flag(Node features) {
  return apply_cuts(features, [](Node df, const std::string &cut, auto condition, const Columns &columns) -> Node {
    return df.Define("pass_" + cut, condition, columns);
  });
}

// A user's quick macro: events after each cut and nothing else, so that nothing is made of events that failed before.
inline Counts count_cuts(Node features) {
  std::vector<ROOT::RDF::RResultPtr<ULong64_t>> passed{features.Count()};
  apply_cuts(features, [&](Node df, const std::string &cut, auto condition, const Columns &columns) -> Node {
    Node kept = df.Filter(condition, columns, cut);
    passed.push_back(kept.Count());
    return kept;
  });
  Counts counts;
  for (int i = 0; i <= n_cuts; ++i) counts.passed[i] = *passed[i];
  return counts;
}

inline Node count_failures(Node df) {
  std::vector<std::string> flags;
  for (const auto &cut : cut_names) flags.push_back("pass_" + cut);
  return df.Define("failed",
    [](bool a, bool b, bool c, bool d, bool e, bool f, bool g, bool h, bool i, bool j, bool k, bool l, bool m, bool n,
       bool o, bool p, bool q, bool r) {
      unsigned failed = 0, bit = 0;
      for (bool pass : {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r}) failed |= unsigned(!pass) << bit++;
      return failed;
    }, flags);
}

inline Counts run_chain(Node features, const std::string &run, const std::vector<Axis> &axes) {
  auto flagged = count_failures(flag(features));
  std::vector<ROOT::RDF::RResultPtr<ULong64_t>> passed, without;
  std::vector<ROOT::RDF::RResultPtr<TH2D>> planes;
  std::vector<ROOT::RDF::RResultPtr<TH1D>> variables;
  Node stage = flagged;
  for (int cut = -1; cut < n_cuts; ++cut) {
    if (cut >= 0) stage = stage.Filter([](bool pass) { return pass; }, {"pass_" + cut_names[cut]}, cut_names[cut]);
    const auto name = "plane_" + std::to_string(cut + 1);
    const ROOT::RDF::TH2DModel model(name.c_str(), "", plane_bins, 0, plane_high, plane_bins, 0, plane_high);
    passed.push_back(stage.Count());
    planes.push_back(stage.Histo2D<float, float>(model, "f_ecal", "f_hcal"));
  }
  auto yields = stage.Histo1D<unsigned>({"yields", "", 10000, 0, 10000}, run);
  for (unsigned cut = 0; cut < n_cuts; ++cut) {
    auto others = flagged.Filter([bit = 1u << cut](unsigned failed) { return !(failed & ~bit); }, {"failed"});
    without.push_back(others.Count());
    for (const auto &axis : axes) {
      if (axis.cut != int(cut)) continue;
      const auto name = "variable_" + std::to_string(variables.size());
      const ROOT::RDF::TH1DModel model(name.c_str(), "", axis.bins, axis.low, axis.high);
      variables.push_back(others.Histo1D<float>(model, "f_" + feature_names[axis.feature]));
    }
  }
  Counts counts;
  for (int i = 0; i <= n_cuts; ++i) counts.passed[i] = *passed[i];
  for (int i = 0; i < n_cuts; ++i) counts.n_minus_one[i] = *without[i];
  for (auto &plane : planes)
    for (int x = 0; x <= plane_bins + 1; ++x)
      for (int y = 0; y <= plane_bins + 1; ++y) counts.add_plane(plane->GetBinContent(x, y));
  for (auto &variable : variables)
    for (int bin = 0; bin <= variable->GetNbinsX() + 1; ++bin) counts.add_variable(variable->GetBinContent(bin));
  counts.runs = yields->Integral(0, 10001);
  return counts;
}

// The features that are branches.
struct Names {
  std::string trigger, run, spill, master_time, momentum, pvalue, angle, straw3_x, straw3_y, straw4_x, straw4_y;
};

inline Node take_branches(Node df, const Names &names, double angle_unit) {
  static const Bad bad;
  auto number = [](int n) { return float(n); };
  auto value = [](double x) { return float(x); };
  return df.Define("f_trigger_physics", [](int word) { return float((word & 4) != 0); }, {names.trigger})
    .Define("f_bad_spill", [](unsigned run, unsigned spill) { return float(bad.count({run, spill})); },
            {names.run, names.spill})
    .Define("f_master_time", value, {names.master_time})
    .Define("f_track_momentum", value, {names.momentum})
    .Define("f_track_pvalue", value, {names.pvalue})
    .Define("f_track_angle", [=](double angle) { return float(angle * 1. / angle_unit); }, {names.angle})
    .Define("f_straw3_x", number, {names.straw3_x})
    .Define("f_straw3_y", number, {names.straw3_y})
    .Define("f_straw4_x", number, {names.straw4_x})
    .Define("f_straw4_y", number, {names.straw4_y});
}

}  // namespace bench
