// What a scaled baseline costs: the rounding rules and the closed form of each block, as `scaling`, `network` and `graph::count`
// have them in Rust. `tests/browser` compares the two over thousands of points.
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

/** Width, depth and side in pixels of the formula at φ; the side before and after rounding. */
function scaled(phi, { alpha, beta, gamma }) {
  const multiplier = Math.pow(gamma, phi);
  const resolution = Math.max(1, Math.floor(224 * multiplier + 0.5));
  return { width: Math.pow(beta, phi), depth: Math.pow(alpha, phi), exact: 224 * multiplier, resolution };
}

/** Parameters and multiply-adds of a part; buffers are not parameters. `side` enters it, `channels` leave it. */
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

/** The stages of a baseline, scaled. Of a bottleneck the filters of its 3×3 convolution are rounded. */
function scaledStages({ rules, stages }, width, depth) {
  const output = ({ output_filters, expansion }) => {
    const expanded = expansion ?? 1;
    return expanded * roundFilters(Math.floor(output_filters / expanded), width, rules.ninety_percent);
  };
  return stages.map((row, index) => {
    const isFixed = rules.fixed_ends && (index === 0 || index === stages.length - 1);
    return {
      ...row,
      repeats: isFixed ? row.num_repeat : roundRepeats(row.num_repeat, depth),
      input: roundFilters(row.input_filters, width, rules.ninety_percent),
      output: output(row),
    };
  });
}

/** The parts of a baseline at a width, a depth and a side in pixels: stem, stages, head where it has one, classifier. */
function parts(baseline, width, depth, size) {
  const { rules, stem, head, operators } = baseline;
  const atEnd = (count) => (rules.fixed_ends ? count : roundFilters(count, width, rules.ninety_percent));
  const all = [];
  const add = (name, enters, leaves, repeats) => {
    const part = new Part(name, operators[all.length], enters, leaves, repeats);
    all.push(part);
    return part;
  };
  let channels = atEnd(stem.filters);
  let side = Math.ceil(size / stem.stride);
  add("stem", size, channels, 1).conv(side, stem.kernel_size, baseline.in_channels, channels, 1, null);
  side = Math.ceil(side / stem.pool_stride);
  scaledStages(baseline, width, depth).forEach((stage, index) => {
    const part = add(String(index + 1), side, stage.output, stage.repeats);
    for (let block = 0; block < stage.repeats; block += 1) {
      const isFirst = block === 0;
      const after = isFirst ? Math.ceil(side / stage.stride) : side;
      BLOCKS[stage.kind](part, stage, { input: isFirst ? stage.input : stage.output, channels, side, after, isFirst });
      side = after;
      channels = stage.output;
    }
  });
  if (head.filters !== null) {
    // The sliders only widen: a head that is never narrower than the baseline's needs no rule here.
    const features = atEnd(head.filters);
    add("head", side, features, 1).conv(side, 1, channels, features, 1, null);
    channels = features;
  }
  add("classifier", side, baseline.classes, 1).linear(channels, baseline.classes);
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
    squeeze(part, stage, input, channels);
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
  bottleneck(part, stage, { channels, side, after, isFirst }) {
    const inner = Math.floor(stage.output / stage.expansion);
    part.conv(side, 1, channels, inner, 1, null);
    part.conv(after, 3, inner, inner, 1, null);
    part.conv(after, 1, inner, stage.output, 1, null);
    if ((isFirst && stage.stride !== 1) || channels !== stage.output) {
      part.conv(after, 1, channels, stage.output, 1, null);
    }
  },
};

/** Sums over parts. */
function total(all) {
  const sum = (key) => all.reduce((so, part) => so + part[key], 0);
  return { parameters: sum("parameters"), macs: sum("macs") };
}

/** A point of the formula with its exact cost; or, of a network that is refused for its size, why: `{ refused }`. */
function pointAt({ baseline, limits }, phi, bases) {
  const point = scaled(phi, bases);
  const refused = (what, found, most) => ({ ...point, refused: { what, found, most } });
  const multiplier = Math.max(point.width, point.depth);
  if (multiplier > limits.multiplier) {
    return refused("as width or depth multiplier", multiplier, limits.multiplier);
  }
  if (point.resolution > limits.resolution) {
    return refused("pixels a side", point.resolution, limits.resolution);
  }
  const blocks = scaledStages(baseline, point.width, point.depth).reduce((so, stage) => so + stage.repeats, 0);
  if (blocks > limits.blocks) {
    return refused("blocks", blocks, limits.blocks);
  }
  const all = parts(baseline, point.width, point.depth, point.resolution);
  const { parameters, macs } = total(all);
  if (parameters > limits.parameters) {
    return refused("parameters", parameters, limits.parameters);
  }
  const factor = point.depth * point.width ** 2 * (point.exact / 224) ** 2;
  return { ...point, parts: all, parameters, macs, predicted: total(parts(baseline, 1, 1, 224)).macs * factor };
}
