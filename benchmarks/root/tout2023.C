// dimuon_2023 on the flat 2023 layout: one lambda a quantity, as analysts write it or for counts only; and fused by hand.
#include <string>

std::string idiomatic_tout2023(const std::string &path, const std::string &axes);
std::string lazy_tout2023(const std::string &path, const std::string &axes);
std::string fused_tout2023(const std::string &path, const std::string &axes);

#ifndef __CLING__  // ROOT's interpreter needs the declarations only
#include "chain.h"

#include <ROOT/RVec.hxx>

using namespace bench;
using Values = ROOT::RVecD;

namespace {

constexpr double n_sigma = 3., hcal_width = 16.5, pedestal = .2, mrad = 1000.;

double sum(const Values &energy, int first, int last, double threshold) {
  double result = 0;
  for (int cell = first; cell < last; ++cell)
    if (energy[cell] > threshold) result += energy[cell];
  return result;
}

Values cut_window(const Values &energy, const Values &time, const Values &expected, const Values &sigma) {
  Values kept(energy.size());
  for (std::size_t cell = 0; cell < energy.size(); ++cell)
    kept[cell] = std::abs(time[cell] - expected[cell]) < n_sigma * sigma[cell] ? energy[cell] : 0.;
  return kept;
}

Values cut_hcal_window(const Values &energy, const Values &time, const Values &expected) {
  Values kept(energy.size());
  for (std::size_t cell = 0; cell < energy.size(); ++cell)
    kept[cell] = energy[cell] > pedestal && std::abs(time[cell] - expected[cell]) < hcal_width ? energy[cell] : 0.;
  return kept;
}

double ecal_sum(const Values &e) { return sum(e, 0, 30, 0.) + sum(e, 30, 60, 0.); }

double inner_sum(const Values &e) {
  double preshower = 0, main = 0;
  for (int x = 1; x <= 3; ++x)
    for (int y = 1; y <= 3; ++y) preshower += e[x * 6 + y], main += e[30 + x * 6 + y];
  return preshower + main;
}

float is_centred(const Values &e) {
  double best = 0;
  int largest = -1;
  for (int cell = 0; cell < 30; ++cell)
    if (e[30 + cell] > best) best = e[30 + cell], largest = cell;
  return largest == 14;
}

float ratio(const Values &e) {
  const double energy = ecal_sum(e);
  return energy > 0 ? (energy - inner_sum(e)) / energy : std::numeric_limits<double>::infinity();
}

float is_off_centre(const Values &e) {
  bool struck = false;
  for (int cell = 0; cell < 9; ++cell) struck |= e[cell] > .5;
  return struck && !(sum(e, 0, 9, 0.) < 2. * e[4]);
}

Node take_cells(Node df) {
  auto module = [](int n, double threshold) {
    return [=](const Values &e) { return float(sum(e, 9 * n, 9 * n + 9, threshold)); };
  };
  auto counter = [](int n) { return [=](const Values &e) { return float(e[n]); }; };
  return df.Define("srd", cut_window, {"SRD_ene", "SRD_t0", "SRD_tE", "SRD_tSigma"})
    .Define("ecal_in_time", cut_window, {"ECAL_ene", "ECAL_t0", "ECAL_tE", "ECAL_tSigma"})
    .Define("hcal_in_time", cut_hcal_window, {"HCAL_ene", "HCAL_t0", "HCAL_tE"})
    .Define("f_srd_0", counter(0), {"srd"})
    .Define("f_srd_1", counter(1), {"srd"})
    .Define("f_srd_2", counter(2), {"srd"})
    .Define("f_vhcal_total", [](const Values &e) { return float(sum(e, 0, 16, 0.)); }, {"VHCAL_ene"})
    .Define("f_ecal", [](const Values &e) { return float(ecal_sum(e)); }, {"ecal_in_time"})
    .Define("f_ecal_total", [](const Values &e) { return float(ecal_sum(e)); }, {"ECAL_ene"})
    .Define("f_ecal_out_of_time", [](const Values &any, const Values &e) { return float(ecal_sum(any) - ecal_sum(e)); },
            {"ECAL_ene", "ecal_in_time"})
    .Define("f_preshower_total", [](const Values &e) { return float(sum(e, 0, 30, 0.)); }, {"ECAL_ene"})
    .Define("f_ecal_max_in_beam_cell", is_centred, {"ecal_in_time"})
    .Define("f_ecal_ratio", ratio, {"ecal_in_time"})
    .Define("f_shower_chi2", [](const Values &chi2) { return float(chi2[0]); }, {"chi2"})
    .Define("f_hcal_0", module(0, 0.), {"hcal_in_time"})
    .Define("f_hcal_1", module(1, 0.), {"hcal_in_time"})
    .Define("f_hcal_2", module(2, 0.), {"hcal_in_time"})
    .Define("f_hcal", [](const Values &e) { return float(sum(e, 0, 9, 0.) + sum(e, 9, 18, 0.)); }, {"hcal_in_time"})
    .Define("f_hcal_3_total", module(3, pedestal), {"HCAL_ene"})
    .Define("f_hcal_out_of_time", [](const Values &any, const Values &e) {
              const double total = sum(any, 0, 9, pedestal) + sum(any, 9, 18, pedestal) + sum(any, 18, 27, pedestal);
              return float(total - (sum(e, 0, 9, 0.) + sum(e, 9, 18, 0.)));
            }, {"HCAL_ene", "hcal_in_time"})
    .Define("f_hcal_topology_bad", is_off_centre, {"hcal_in_time"});
}

Node take_features(Node df) {
  const Names names{"triggerSources", "runN", "spillN", "masterT", "mom_genfit_upMM", "pvalue_genfit_upMM",
                    "inangle_genfit_upMM", "mpStraw3X", "mpStraw3Y", "mpStraw4X", "mpStraw4Y"};
  return take_cells(take_branches(df, names, mrad));
}

}  // namespace

std::string idiomatic_tout2023(const std::string &path, const std::string &axes) {
  ROOT::RDataFrame df("tout", path);
  return run_chain(take_features(df), "runN", read_axes(axes)).json();
}

std::string lazy_tout2023(const std::string &path, const std::string &) {
  ROOT::RDataFrame df("tout", path);
  return count_cuts(take_features(df)).flow();
}

std::string fused_tout2023(const std::string &path, const std::string &axes) {
  ROOT::RDataFrame df("tout", path);
  Tally tally(read_axes(axes));
  df.Foreach(
    [&tally, bad = Bad{}](unsigned run, unsigned spill, int trigger, double time, double momentum, double pvalue, double angle,
             int straw3_x_, int straw3_y_, int straw4_x_, int straw4_y_, const Values &chi2, const Values &ee,
             const Values &et, const Values &ex, const Values &es, const Values &he, const Values &ht, const Values &hx,
             const Values &se, const Values &st, const Values &sx, const Values &ss, const Values &ve) {
      double e[60], e_in[60], h[36], h_in[36], s_in[3], v = 0;
      float f[n_features];
      for (int i = 0; i < 60; ++i) {
        e[i] = ee[i] > 0. ? ee[i] : 0.;
        e_in[i] = std::abs(et[i] - ex[i]) < n_sigma * es[i] ? e[i] : 0.;
      }
      for (int i = 0; i < 36; ++i) {
        h[i] = he[i] > pedestal ? he[i] : 0.;
        h_in[i] = std::abs(ht[i] - hx[i]) < hcal_width ? h[i] : 0.;
      }
      for (int i = 0; i < 3; ++i) s_in[i] = std::abs(st[i] - sx[i]) < n_sigma * ss[i] && se[i] > 0. ? se[i] : 0.;
      for (int i = 0; i < 16; ++i) v += ve[i] > 0. ? ve[i] : 0.;
      f[trigger_physics] = (trigger & 4) != 0;
      f[bad_spill] = bad.count({run, spill});
      f[master_time] = time;
      f[srd_0] = s_in[0];
      f[srd_1] = s_in[1];
      f[srd_2] = s_in[2];
      f[track_momentum] = momentum;
      f[track_pvalue] = pvalue;
      f[track_angle] = angle * 1. / mrad;
      f[straw3_x] = straw3_x_;
      f[straw3_y] = straw3_y_;
      f[straw4_x] = straw4_x_;
      f[straw4_y] = straw4_y_;
      f[vhcal_total] = v;
      f[shower_chi2] = chi2[0];
      sum_cells(e, e_in, h, h_in, f);
      tally.fill(f, run);
    },
    {"runN", "spillN", "triggerSources", "masterT", "mom_genfit_upMM", "pvalue_genfit_upMM", "inangle_genfit_upMM",
     "mpStraw3X", "mpStraw3Y", "mpStraw4X", "mpStraw4Y", "chi2", "ECAL_ene", "ECAL_t0", "ECAL_tE", "ECAL_tSigma",
     "HCAL_ene", "HCAL_t0", "HCAL_tE", "SRD_ene", "SRD_t0", "SRD_tE", "SRD_tSigma", "VHCAL_ene"});
  return tally.counts().json();
}
#endif
