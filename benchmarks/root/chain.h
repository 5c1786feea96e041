// The end of an idiomatic program: flags, a chain of filters with a histogram at each step, and N-1 histograms.
#pragma once
#include "counts.h"

#include <ROOT/RDataFrame.hxx>
#include <TH1D.h>
#include <TH2D.h>

namespace bench {

using Node = ROOT::RDF::RNode;

inline Node flag(Node df) {
  auto one = [](float x) { return x == 1.f; };
  auto none = [](float x) { return x == 0.f; };
  auto three = [](float low, float high) {
    return [=](float a, float b, float c) { return between(low, a, high) && between(low, b, high) && between(low, c, high); };
  };
  return df.Define("pass_trigger", one, {"f_trigger_physics"})
    .Define("pass_bad_spill", none, {"f_bad_spill"})
    .Define("pass_master_time", [](float t) { return 86.5f <= t && t <= 113.5f; }, {"f_master_time"})
    .Define("pass_srd", three(.001f, .08f), {"f_srd_0", "f_srd_1", "f_srd_2"})
    .Define("pass_track_quality", [](float p, float q) { return between(0.f, p, 9999.f) && q > .01f; },
            {"f_track_momentum", "f_track_pvalue"})
    .Define("pass_momentum", [](float p) { return between(90.f, p, 110.f); }, {"f_track_momentum"})
    .Define("pass_angle", [](float a) { return between(-.003f, a, .003f); }, {"f_track_angle"})
    .Define("pass_straw3", hits_ok, {"f_straw3_x", "f_straw3_y"})
    .Define("pass_vhcal", [](float e) { return e < 1.5f; }, {"f_vhcal_total"})
    .Define("pass_straw4", hits_ok, {"f_straw4_x", "f_straw4_y"})
    .Define("pass_ecal_centre", one, {"f_ecal_max_in_beam_cell"})
    .Define("pass_ecal_energy", [](float e, float late, float p) { return e < 120.f && late < 30.f && p > .7f; },
            {"f_ecal_total", "f_ecal_out_of_time", "f_preshower_total"})
    .Define("pass_ecal_ratio", [](float r) { return r < .06f; }, {"f_ecal_ratio"})
    .Define("pass_shower_chi2", [](float c) { return c < 100.f; }, {"f_shower_chi2"})
    .Define("pass_hcal_out_of_time", [](float e) { return e < 50.f; }, {"f_hcal_out_of_time"})
    .Define("pass_hcal3", [](float e) { return e < 2.f; }, {"f_hcal_3_total"})
    .Define("pass_hcal_topology", none, {"f_hcal_topology_bad"})
    .Define("pass_dimuon", three(4.f, 8.f), {"f_hcal_0", "f_hcal_1", "f_hcal_2"});
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
