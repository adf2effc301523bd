# syntax=docker/dockerfile:1
# The service on a machine with an NVIDIA card, in place of the one on processors: training and the embedded player use it.
# docker build --file docker/trainer.Dockerfile --tag beltline-trainer .
# Needs the image beltline-server. The card's driver stays outside: the NVIDIA container toolkit brings its libraries in.
ARG SERVER_IMAGE=beltline-server
FROM ${SERVER_IMAGE}
USER 0
COPY constraints.txt /tmp/constraints.txt
# The server's image may have a torch for processors only, with which a run would take many times longer unnoticed.
RUN pip uninstall --yes torch torchvision && \
    pip install --no-cache-dir --constraint /tmp/constraints.txt torch torchvision && \
    python -c 'import torch, sys; sys.exit(None if torch.version.cuda else "this torch has no CUDA")'
# `graphics` brings OptiX, with which the embedded player traces rays.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility
USER 1000
