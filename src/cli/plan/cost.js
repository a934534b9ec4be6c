// What a scaled baseline costs: the rounding rules and the closed form of each block, as `architecture`, `network` and `graph::count`
// have them in Rust. A browser test compares the two over thousands of points.
"use strict";

/** Filters scaled by `width`, to the nearest multiple of 8; with the 90 % rule one step more where that loses over 10 %. */
function roundFilters(filters, width, ninetyPercent) {
  const scaled = filters * width;
  const nearest = Math.max(8, Math.floor(Math.floor(scaled + 4) / 8) * 8);
  return ninetyPercent && nearest < 0.9 * scaled ? nearest + 8 : nearest;
}

/** Repeats scaled by `depth`, rounded up. */
function roundRepeats(repeats, depth) {
  return Math.ceil(depth * repeats);
}

/** Side of the input in pixels for a resolution multiplier. */
function roundResolution(multiplier) {
  return Math.max(1, Math.floor(224 * multiplier + 0.5));
}

/** Parameters and multiply-adds of a part; buffers are not parameters. */
class Part {
  constructor(name, operator, side, channels, repeats) {
    Object.assign(this, { name, operator, side, channels, repeats, parameters: 0, macs: 0 });
  }

  /** A convolution and its batch norm; `experts` kernels are mixed where they are not null. */
  conv(side, kernel, input, output, groups, experts) {
    const weights = (kernel * kernel * input * output) / groups;
    this.parameters += weights * (experts ?? 1) + 2 * output;
    this.macs += weights * side * side;
  }

  /** A 1×1 convolution or a linear layer on one position, with a bias. */
  linear(input, output) {
    this.parameters += input * output + output;
    this.macs += input * output;
  }
}

/** The parts of a baseline at a width, a depth and a side in pixels: stem, stages, head with classifier. */
function parts(baseline, width, depth, size) {
  const { rules, stem, stages, head } = baseline;
  const filters = (count) => roundFilters(count, width, rules.ninety_percent);
  const atEnd = (count) => (rules.fixed_ends ? count : filters(count));
  let side = Math.ceil(size / stem.stride);
  let channels = atEnd(stem.filters);
  const first = new Part("stem", `Conv${stem.kernel_size}x${stem.kernel_size}`, size, channels, 1);
  first.conv(side, stem.kernel_size, baseline.in_channels, channels, 1, null);
  const all = [first];
  stages.forEach((row, index) => {
    const fixed = rules.fixed_ends && (index === 0 || index === stages.length - 1);
    const repeats = fixed ? row.num_repeat : roundRepeats(row.num_repeat, depth);
    const stage = { ...row, input: filters(row.input_filters), output: filters(row.output_filters) };
    const part = new Part(String(index + 1), row.operator, side, stage.output, repeats);
    for (let block = 0; block < repeats; block += 1) {
      const input = block === 0 ? stage.input : stage.output;
      const after = Math.ceil(side / (block === 0 ? stage.stride : 1));
      BLOCKS[stage.kind](part, stage, { input, channels, side, after });
      side = after;
      channels = stage.output;
    }
    all.push(part);
  });
  const features = head.filters === null ? channels : atEnd(head.filters);
  const last = new Part("head", head.filters === null ? "Pool + Linear" : "Conv1x1 + Pool + Linear", side, baseline.classes, 1);
  if (head.filters !== null) {
    last.conv(side, 1, channels, features, 1, null);
  }
  last.linear(features, baseline.classes);
  all.push(last);
  return all;
}

function squeeze(part, stage, input, expanded) {
  if (stage.squeeze === null) {
    return;
  }
  const whole = stage.squeeze.of_expanded ? expanded : input;
  const squeezed = Math.max(1, Math.floor(whole * stage.squeeze.ratio));
  part.linear(expanded, squeezed);
  part.linear(squeezed, expanded);
}

function route(part, stage, channels) {
  if (stage.experts !== null) {
    part.linear(channels, stage.experts);
  }
}

/** What a block adds to its part: `input` by the stage's row, `channels` by what really enters. */
const BLOCKS = {
  mbconv(part, stage, { input, channels, side, after }) {
    const expanded = input * stage.expand_ratio;
    route(part, stage, channels);
    part.conv(side, 1, channels, expanded, 1, stage.experts);
    part.conv(after, stage.kernel_size, expanded, expanded, expanded, stage.experts);
    squeeze(part, stage, input, expanded);
    part.conv(after, 1, expanded, stage.output, 1, stage.experts);
  },
  separable(part, stage, { input, channels, after }) {
    route(part, stage, channels);
    part.conv(after, stage.kernel_size, channels, channels, channels, stage.experts);
    squeeze(part, { ...stage }, input, channels);
    part.conv(after, 1, channels, stage.output, 1, stage.experts);
  },
  fused(part, stage, { input, channels, after }) {
    const expanded = input * stage.expand_ratio;
    part.conv(after, stage.kernel_size, channels, expanded, 1, null);
    squeeze(part, stage, input, expanded);
    part.conv(after, 1, expanded, stage.output, 1, null);
  },
  plain(part, stage, { channels, after }) {
    part.conv(after, stage.kernel_size, channels, stage.output, 1, null);
  },
};

/** Sums over parts. */
function total(all) {
  const sum = (key) => all.reduce((so, part) => so + part[key], 0);
  return { parameters: sum("parameters"), macs: sum("macs") };
}
