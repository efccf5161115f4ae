"""Training: epochs as graphs, the loop over epochs, what is measured, and the state that is saved.

trainer         one epoch as one graph
loop            many steps inside that graph
descent         the gradients of one step
head_loss       a Keras loss over one head's labelled cells
fit             epoch after epoch: validate, keep the best weights, stop early
measure         outputs -> metrics
best_constant   the baseline that skill is measured against
class_weights   factors of classes in the loss
checkpoint      a training's state on disk
state           what belongs to that state
keras_setup     threads, precision and seeds of the process
progress        what a terminal shows
"""
