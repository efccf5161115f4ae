"""Training: the epochs of one run, their metrics, and the checkpoints.

trainer         trains or evaluates one epoch
loop            many steps as one TensorFlow graph
descent         the gradients of one step
epoch           the result of one epoch
head_loss       a Keras loss over one head's labelled cells
class_weights   factors on the losses of classes
fit             the loop over epochs: validate, keep the best weights, stop early
refit           trains the heads' own layers on, after the last epoch
measure         outputs -> metrics
best_constant   the baseline of the skill
checkpoint      files that hold the state of a training
state           what that state consists of
keras_setup     threads, precision and seeds of the process
gpus            one GPU for each trial, its memory, and whether the data fits
progress        what the terminal shows
"""
