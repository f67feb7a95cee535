"use strict";

// Fields as numbers: read back from their stored form, and turned into what a map shows. No drawing here.

const PREFIXES = { "-12": "p", "-9": "n", "-6": "\u00b5", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G" };
const NOT_A_NUMBER = -32768;

const PARTS = {
  real: "real part",
  imaginary: "imaginary part",
  magnitude: "magnitude",
  db: "dB",
  phase: "phase",
};
const PARTS_OF_A_TOTAL = ["magnitude", "db"];

/** Real and imaginary parts of each component, `{re, im}` of ny * nx values each, by its name. */
function decode(field, components, points) {
  const bytes = Uint8Array.from(atob(field.integers), (character) => character.charCodeAt(0));
  const integers = new DataView(bytes.buffer);
  const plane = (start, step) =>
    Float64Array.from({ length: points }, (_, place) => {
      const integer = integers.getInt16(2 * (start + place), true);
      return integer === NOT_A_NUMBER ? NaN : integer * step;
    });
  return Object.fromEntries(
    components.map((name, number) => {
      const step = field.steps[number];
      return [name, { re: plane(2 * number * points, step), im: plane((2 * number + 1) * points, step) }];
    }),
  );
}

/** `a + b` of fields as `decode` gives them. */
function sum(a, b) {
  const add = (first, second) => first.map((value, place) => value + second[place]);
  return Object.fromEntries(
    Object.keys(a).map((name) => [name, { re: add(a[name].re, b[name].re), im: add(a[name].im, b[name].im) }]),
  );
}

/** Length of the complex vector of some components at each point. */
function magnitude(field, components) {
  return field[components[0]].re.map((_, place) =>
    Math.hypot(...components.flatMap((name) => [field[name].re[place], field[name].im[place]])),
  );
}

/** The largest finite absolute value; 0 where there is none. */
function largest(...arrays) {
  return arrays.reduce(
    (most, values) => values.reduce((m, v) => (Number.isFinite(v) && Math.abs(v) > m ? Math.abs(v) : m), most),
    0,
  );
}

function decibels(values, reference) {
  return values.map((value) => 20 * Math.log10(value / reference));
}

function degrees(re, im) {
  return re.map((value, place) => (Math.atan2(im[place], value) * 180) / Math.PI);
}

/** Phase of prediction / truth, which lies between -180 and 180 degrees. */
function phaseError(prediction, truth) {
  const re = prediction.re.map((value, p) => value * truth.re[p] + prediction.im[p] * truth.im[p]);
  const im = prediction.im.map((value, p) => value * truth.re[p] - prediction.re[p] * truth.im[p]);
  return degrees(re, im);
}

/**
 * Truth, prediction and error of a quantity (a component or a total), each as the array of every part that it has.
 * dB is relative to `reference`, the largest true magnitude.
 */
function partsOf(fields, components) {
  const magnitudes = Object.fromEntries(
    Object.entries(fields).map(([role, field]) => [role, magnitude(field, components)]),
  );
  const reference = largest(magnitudes.truth);
  const parts = {};
  for (const [role, field] of Object.entries(fields)) {
    parts[role] = { magnitude: magnitudes[role], db: decibels(magnitudes[role], reference) };
    if (components.length === 1) {
      const { re, im } = field[components[0]];
      parts[role].real = re;
      parts[role].imaginary = im;
      parts[role].phase = degrees(re, im);
    }
  }
  if (components.length === 1) {
    parts.error.phase = phaseError(fields.prediction[components[0]], fields.truth[components[0]]);
  }
  return { parts, reference };
}

/** A factor that brings values up to `most` near 1 to 1000, the unit that they then have, and decimals for 4 digits. */
function scaleFor(most, unit) {
  const exponent = most > 0 ? Math.min(9, Math.max(-12, 3 * Math.floor(Math.log10(most) / 3))) : 0;
  const factor = 10 ** -exponent;
  const decimals = most > 0 ? Math.min(20, Math.max(0, 3 - Math.floor(Math.log10(most * factor)))) : 3;
  return { factor, unit: PREFIXES[exponent] + unit, decimals };
}

function shown(value, decimals) {
  return Number.isFinite(value) ? value.toFixed(decimals) : "\u2013";
}
