// dimuon_2023 on the jagged hits layout: one lambda a quantity, as analysts write it or for counts only; and fused by hand.
#include <string>

std::string idiomatic_hits(const std::string &path, const std::string &axes);
std::string lazy_hits(const std::string &path, const std::string &axes);
std::string fused_hits(const std::string &path, const std::string &axes);

#ifndef __CLING__  // ROOT's interpreter needs the declarations only
#include "chain.h"

#include <ROOT/RVec.hxx>

using namespace bench;
using Cells = ROOT::RVec<unsigned char>;
using Values = ROOT::RVecF;

namespace {

constexpr double n_sigma = 3., hcal_width = 16.5, pedestal = .2;

// Energy of the hits with first <= cell < last, within a time window and above a threshold.
double sum(const Cells &cell, const Values &energy, const Values &time, int first, int last, double width,
           double threshold) {
  double result = 0;
  for (std::size_t i = 0; i < cell.size(); ++i)
    if (cell[i] >= first && cell[i] < last && energy[i] > threshold && std::abs(double(time[i])) < width)
      result += energy[i];
  return result;
}

constexpr double any_time = std::numeric_limits<double>::infinity();

double ecal_sum(const Cells &c, const Values &e, const Values &t, double width) {
  return sum(c, e, t, 0, 30, width, 0.) + sum(c, e, t, 30, 60, width, 0.);
}

double hcal_sum(const Cells &c, const Values &e, const Values &t, int module, double width) {
  return sum(c, e, t, module * 9, module * 9 + 9, width, pedestal);
}

double inner_sum(const Cells &c, const Values &e, const Values &t) {
  double planes[2] = {};
  for (std::size_t i = 0; i < c.size(); ++i) {
    const int cell = c[i] % 30, x = cell / 6, y = cell % 6;
    if (x >= 1 && x <= 3 && y >= 1 && y <= 3 && std::abs(double(t[i])) < n_sigma) planes[c[i] / 30] += e[i];
  }
  return planes[0] + planes[1];
}

float is_centred(const Cells &c, const Values &e, const Values &t) {
  float best = 0;
  int largest = -1;
  for (std::size_t i = 0; i < c.size(); ++i)
    if (c[i] >= 30 && std::abs(double(t[i])) < n_sigma && e[i] > best) best = e[i], largest = c[i] - 30;
  return largest == 14;
}

float ratio(double energy, double inner) { return energy > 0 ? (energy - inner) / energy : any_time; }

bool is_struck(const Cells &c, const Values &e, const Values &t) {
  bool struck = false;
  for (std::size_t i = 0; i < c.size(); ++i)
    struck |= c[i] < 9 && e[i] > .5 && std::abs(double(t[i])) < hcal_width;
  return struck;
}

Node take_cells(Node df) {
  const std::vector<std::string> ecal{"ecal_cell", "ecal_energy", "ecal_residual"};
  const std::vector<std::string> hcal{"hcal_cell", "hcal_energy", "hcal_residual"};
  const std::vector<std::string> srd{"srd_cell", "srd_energy", "srd_residual"};
  const std::vector<std::string> vhcal{"vhcal_cell", "vhcal_energy", "vhcal_residual"};
  auto counter = [](int n) {
    return [=](const Cells &c, const Values &e, const Values &t) { return float(sum(c, e, t, n, n + 1, n_sigma, 0.)); };
  };
  auto module = [](int n, double width) {
    return [=](const Cells &c, const Values &e, const Values &t) { return hcal_sum(c, e, t, n, width); };
  };
  auto rounded = [](double energy) { return float(energy); };
  return df.Define("f_srd_0", counter(0), srd)
    .Define("f_srd_1", counter(1), srd)
    .Define("f_srd_2", counter(2), srd)
    .Define("f_vhcal_total",
            [](const Cells &c, const Values &e, const Values &t) { return float(sum(c, e, t, 0, 16, any_time, 0.)); }, vhcal)
    .Define("ecal", [](const Cells &c, const Values &e, const Values &t) { return ecal_sum(c, e, t, n_sigma); }, ecal)
    .Define("ecal_any", [](const Cells &c, const Values &e, const Values &t) { return ecal_sum(c, e, t, any_time); }, ecal)
    .Define("f_ecal", rounded, {"ecal"})
    .Define("f_ecal_total", rounded, {"ecal_any"})
    .Define("f_ecal_out_of_time", [](double any, double in_time) { return float(any - in_time); }, {"ecal_any", "ecal"})
    .Define("f_preshower_total",
            [](const Cells &c, const Values &e, const Values &t) { return float(sum(c, e, t, 0, 30, any_time, 0.)); }, ecal)
    .Define("f_ecal_max_in_beam_cell", is_centred, ecal)
    .Define("ecal_inner", inner_sum, ecal)
    .Define("f_ecal_ratio", ratio, {"ecal", "ecal_inner"})
    .Define("f_shower_chi2", [](double chi2) { return float(chi2); }, {"shower_chi2"})
    .Define("hcal_0", module(0, hcal_width), hcal)
    .Define("hcal_1", module(1, hcal_width), hcal)
    .Define("hcal_2", module(2, hcal_width), hcal)
    .Define("hcal_0_any", module(0, any_time), hcal)
    .Define("hcal_1_any", module(1, any_time), hcal)
    .Define("hcal_2_any", module(2, any_time), hcal)
    .Define("hcal_3_any", module(3, any_time), hcal)
    .Define("f_hcal_0", rounded, {"hcal_0"})
    .Define("f_hcal_1", rounded, {"hcal_1"})
    .Define("f_hcal_2", rounded, {"hcal_2"})
    .Define("f_hcal_3_total", rounded, {"hcal_3_any"})
    .Define("f_hcal", [](double a, double b) { return float(a + b); }, {"hcal_0", "hcal_1"})
    .Define("f_hcal_out_of_time", [](double a, double b, double c, double x, double y) { return float(a + b + c - (x + y)); },
            {"hcal_0_any", "hcal_1_any", "hcal_2_any", "hcal_0", "hcal_1"})
    .Define("hcal_0_centre",
            [](const Cells &c, const Values &e, const Values &t) { return sum(c, e, t, 4, 5, hcal_width, pedestal); }, hcal)
    .Define("hcal_0_struck", is_struck, hcal)
    .Define("f_hcal_topology_bad",
            [](bool struck, double all, double centre) { return float(struck && !(all < 2. * centre)); },
            {"hcal_0_struck", "hcal_0", "hcal_0_centre"});
}

Node take_features(Node df) {
  const Names names{"trigger", "run", "spill", "master_time", "track_momentum", "track_pvalue", "track_angle",
                    "straw3_x", "straw3_y", "straw4_x", "straw4_y"};
  return take_cells(take_branches(df, names, 1.));
}

// Scatters hits into cells, at any time and in time.
template <int n>
void scatter(const Cells &cell, const Values &energy, const Values &time, double width, double threshold,
             double (&any)[n], double (&in_time)[n]) {
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const double kept = energy[i] > threshold ? double(energy[i]) : 0.;
    any[cell[i]] += kept;
    in_time[cell[i]] += std::abs(double(time[i])) < width ? kept : 0.;
  }
}

}  // namespace

std::string idiomatic_hits(const std::string &path, const std::string &axes) {
  ROOT::RDataFrame df("events", path);
  return run_chain(take_features(df), "run", read_axes(axes)).json();
}

std::string lazy_hits(const std::string &path, const std::string &) {
  ROOT::RDataFrame df("events", path);
  return count_cuts(take_features(df)).flow();
}

std::string fused_hits(const std::string &path, const std::string &axes) {
  ROOT::RDataFrame df("events", path);
  Tally tally(read_axes(axes));
  df.Foreach(
    [&tally, bad = Bad{}](unsigned run, unsigned spill, int trigger, double time, double momentum, double pvalue, double angle,
             int straw3_x_, int straw3_y_, int straw4_x_, int straw4_y_, double chi2, const Cells &ec, const Values &ee,
             const Values &et, const Cells &hc, const Values &he, const Values &ht, const Cells &sc, const Values &se,
             const Values &st, const Values &ve) {
      double e[60] = {}, e_in[60] = {}, h[36] = {}, h_in[36] = {}, s[3] = {}, s_in[3] = {}, v = 0;
      float f[n_features];
      scatter(ec, ee, et, n_sigma, 0., e, e_in);
      scatter(hc, he, ht, hcal_width, pedestal, h, h_in);
      scatter(sc, se, st, n_sigma, 0., s, s_in);
      for (auto energy : ve) v += energy;
      f[trigger_physics] = (trigger & 4) != 0;
      f[bad_spill] = bad.count({run, spill});
      f[master_time] = time;
      f[srd_0] = s_in[0];
      f[srd_1] = s_in[1];
      f[srd_2] = s_in[2];
      f[track_momentum] = momentum;
      f[track_pvalue] = pvalue;
      f[track_angle] = angle;
      f[straw3_x] = straw3_x_;
      f[straw3_y] = straw3_y_;
      f[straw4_x] = straw4_x_;
      f[straw4_y] = straw4_y_;
      f[vhcal_total] = v;
      f[shower_chi2] = chi2;
      sum_cells(e, e_in, h, h_in, f);
      tally.fill(f, run);
    },
    {"run", "spill", "trigger", "master_time", "track_momentum", "track_pvalue", "track_angle", "straw3_x", "straw3_y",
     "straw4_x", "straw4_y", "shower_chi2", "ecal_cell", "ecal_energy", "ecal_residual", "hcal_cell", "hcal_energy",
     "hcal_residual", "srd_cell", "srd_energy", "srd_residual", "vhcal_energy"});
  return tally.counts().json();
}
#endif
