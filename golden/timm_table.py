"""Writes src/like/timm.csv: every model of timm that `--like timm/...` knows, one row a weight tag.

usage: golden/.venv/bin/python golden/timm_table.py >src/like/timm.csv

Padding and epsilon are read off an instance, everything else off timm's registry; the first tag of a model is its
default. `parameters` is what the instance has, with the tag's number of classes.
"""

import re
import sys

import timm
import torch
from timm.layers import Conv2dSame
from timm.models import get_arch_pretrained_cfgs

MODELS = re.compile(
    r"(tf_)?efficientnet(v2)?_(b[0-8]|l2|lite[0-4]|e[sml]|cc_b[01]_[48]e|s|m|l|xl)"
    r"|mobilenetv1_(100h?|125)|mobilenetv2_(035|050|075|100|110d|120d|140)"
    r"|resnet(50|101|152)|wide_resnet(50|101)_2"
)


def normal(values):
    return ":".join(format(value, "g") for value in values)


def main():
    print("model,tag,classes,size,test_size,crop_pct,test_crop_pct,crop_mode,interpolation,mean,std,"
          "padding,epsilon,parameters")
    for name in sorted(name for name in timm.list_models() if MODELS.fullmatch(name)):
        for tag, cfg in get_arch_pretrained_cfgs(name).items():
            if not cfg.num_classes:
                # It was trained without a classifier.
                continue
            with torch.device("meta"):
                network = timm.create_model(name, pretrained=False, num_classes=cfg.num_classes)
            modules = list(network.modules())
            epsilons = {module.eps for module in modules if isinstance(module, torch.nn.BatchNorm2d)}
            assert len(epsilons) == 1, (name, epsilons)
            same = any(isinstance(module, Conv2dSame) for module in modules)
            height, width = cfg.input_size[1:]
            assert height == width, name
            test = cfg.test_input_size
            print(
                name, tag.removeprefix(name).lstrip("."), cfg.num_classes, height, test[1] if test else "", cfg.crop_pct, cfg.test_crop_pct or "",
                cfg.crop_mode, cfg.interpolation, normal(cfg.mean), normal(cfg.std),
                "same" if same else "symmetric", epsilons.pop(),
                sum(parameter.numel() for parameter in network.parameters()), sep=",",
            )
    print(f"timm {timm.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
